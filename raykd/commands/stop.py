"""`raykd stop`: a search ends after its running epochs, as if by Ctrl-C."""

import argparse
import shlex

from rich.console import Console

from raykd.commands import called
from raykd.commands.opened_storage import open_storage
from raykd.commands.status import go_on, searches
from raykd.errors import InvalidError
from raykd.runs.folder_format import format_problem


def run_stop(options: argparse.Namespace) -> int:
    """Asks a search to stop, which it hears within seconds wherever it runs.

    Raises:
        ValueError: it is a storage, and there are several in it that could be meant; or it does not run.
        FileNotFoundError: there is none.
    """
    with open_storage(options.folder) as opened:
        asked, found = opened.folder, searches(opened)
        if found != [asked]:
            commands = [shlex.join([*called(), "stop", opened.name(folder)]) for folder in found]
            raise InvalidError(f"say which search: {', '.join(commands)}")
        if problem := format_problem(asked):
            raise InvalidError(f"{opened.shown(asked)} {problem}")
        if not opened.is_alive(asked):
            raise InvalidError(f"{opened.shown(asked)} is not running; {go_on(asked, opened)}")
        opened.ask_to_stop(asked)
        console = Console(highlight=False, markup=False, soft_wrap=True)
        console.print(
            f"{opened.shown(asked)} ends after its running epochs; everything is kept; {go_on(asked, opened)}"
        )
    return 0
