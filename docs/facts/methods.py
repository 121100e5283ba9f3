"""What the code itself says of a method: its module's docstring, and its hyperparameters as a table."""

import dataclasses
import importlib
import inspect
import re

from optuna.distributions import BaseDistribution

from raykd.space.ranges import describe, space

_EVERY = {"weight": "of the term in the loss"}  # what needs no words in the code, where each term has it


def about(module: str) -> str:
    """A module's docstring as Markdown: its formulas are indented, and so are blocks of code there."""
    return inspect.cleandoc(importlib.import_module(module).__doc__ or "")


def hyperparameters(path: str) -> str:
    """A table of the fields of a dataclass, named by its full path."""
    module, _, name = path.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    meanings, ranges = _EVERY | arguments(inspect.getdoc(cls) or ""), _ranges(cls)
    lines = ["| field | default | range | what it is |", "| --- | --- | --- | --- |"]
    for field in dataclasses.fields(cls):
        default = "needed" if field.default is dataclasses.MISSING else f"`{field.default!r}`"
        searched = describe(ranges[field.name]) if field.name in ranges else "as it stands"
        cells = (f"`{field.name}`", default, searched, meanings.get(field.name, ""))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def arguments(text: str) -> dict[str, str]:
    """What a docstring's `Args` say, by name; `a, b: ...` says it of both."""
    _, _, rest = text.partition("\nArgs:\n")
    block = re.split(r"\n(?=\S)", rest, maxsplit=1)[0]
    found: dict[str, str] = {}
    for entry in re.split(r"^(?=    \w)", block, flags=re.M)[1:]:
        names, _, meaning = " ".join(entry.split()).partition(": ")
        found |= dict.fromkeys(names.split(", "), meaning)
    return found


def _ranges(cls: type) -> dict[str, BaseDistribution]:
    """By field; of the class as it stands, since some of its fields may have no default to make one with."""
    bare = object.__new__(cls)
    for field in dataclasses.fields(cls):
        object.__setattr__(bare, field.name, None if field.default is dataclasses.MISSING else field.default)
    return space(bare)
