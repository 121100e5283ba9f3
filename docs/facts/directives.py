"""Directives that write parts of a page from the code and from the records of benchmarks, so that none goes stale.

{about} raykd.methods.quest                     what a module's docstring says
{hyperparameters} raykd.methods.quest.Quest     a dataclass's fields, with their defaults, ranges and meanings
{cost} quest kd                                 what a training step takes, by the newest record
{evidence} QUEST                                claims and differences, by the newest record that has any
{record} weight                                 the newest record of a benchmark
{help} tune                                     what `raykd tune --help` says
"""

from collections.abc import Callable
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from facts.commands import help_of
from facts.methods import about, hyperparameters
from facts.records import cost, evidence, record


def setup(app: Sphinx) -> dict[str, Any]:
    for write in (about, hyperparameters, cost, evidence, record):
        app.add_directive(write.__name__, _directive(write))
    app.add_directive("help", _directive(help_of))
    return {"parallel_read_safe": True}


def _directive(write: Callable[[str], str]) -> type[Directive]:
    """A directive whose argument a function turns into Markdown."""

    class Written(Directive):
        required_arguments = 1
        final_argument_whitespace = True

        def run(self) -> list[nodes.Node]:
            lines = write(self.arguments[0]).splitlines()
            found = nodes.container()
            self.state.nested_parse(StringList(lines, source=write.__name__), self.content_offset, found)
            return found.children

    return Written
