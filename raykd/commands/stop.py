"""`raykd stop`: a search ends after its running epochs, as if by Ctrl-C."""

import argparse
from pathlib import Path

from rich.console import Console

from raykd.commands.status import go_on, searches
from raykd.search_state import ask_to_stop, is_running


def run_stop(options: argparse.Namespace) -> int:
    """Asks a search to stop, which it hears within seconds wherever it runs.

    Raises:
        ValueError: it is a storage, and there are several in it that could be meant; or it does not run.
        FileNotFoundError: there is none.
    """
    asked = Path(options.folder).expanduser()
    found = searches(asked)
    if found != [asked]:
        raise ValueError(f"say which search: {', '.join(f'raykd stop {folder}' for folder in found)}")
    if not is_running(asked):
        raise ValueError(f"{asked} is not running; {go_on(asked)}")
    ask_to_stop(asked)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{asked} ends after its running epochs; everything is kept; {go_on(asked)}")
    return 0
