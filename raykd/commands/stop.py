"""`raykd stop`: a search ends after its running epochs, as if by Ctrl-C."""

import argparse

from rich.console import Console

from raykd.commands.opened_storage import viewed
from raykd.commands.status import go_on, searches


def run_stop(options: argparse.Namespace) -> int:
    """Asks a search to stop, which it hears within seconds wherever it runs.

    Raises:
        ValueError: it is a storage, and there are several in it that could be meant; or it does not run.
        FileNotFoundError: there is none.
    """
    with viewed(options.folder) as view:
        asked, found = view.asked, searches(view)
        if found != [asked]:
            raise ValueError(f"say which search: {', '.join(f'raykd stop {view.name(folder)}' for folder in found)}")
        if not view.is_alive(asked):
            raise ValueError(f"{view.name(asked)} is not running; {go_on(asked, view)}")
        view.ask(asked)
        console = Console(highlight=False, markup=False, soft_wrap=True)
        console.print(f"{view.name(asked)} ends after its running epochs; everything is kept; {go_on(asked, view)}")
    return 0
