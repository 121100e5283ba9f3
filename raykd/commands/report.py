"""`raykd report`: the page of a search, drawn from its files by another process."""

import argparse
import shlex
from pathlib import Path

from rich.console import Console

from raykd.commands import called
from raykd.commands.opened_storage import OpenedStorage, open_storage
from raykd.commands.status import searches
from raykd.errors import InvalidError
from raykd.page.board import FILE
from raykd.page.evidence import State
from raykd.page.writing import MARKDOWN, PAGE, write_page
from raykd.runs.folder_format import format_problem
from raykd.runs.status import read_status
from raykd.storage.layout import SUMMARY
from raykd.studies.study_file import load_study, own_types


def run_report(options: argparse.Namespace) -> int:
    """Writes the page beside the search, in an object store too.

    Raises:
        ValueError: it is a storage with several searches, or the search's folder has another format.
        FileNotFoundError: there is none.
    """
    types = own_types(load_study(options.study)) if options.study else ()
    with open_storage(options.folder) as opened:
        found = searches(opened)
        if len(found) > 1:
            commands = [shlex.join([*called(), "report", opened.name(folder)]) for folder in found]
            raise InvalidError(f"say which search: {', '.join(commands)}")
        (folder,) = found
        shown = opened.shown(folder)
        if problem := format_problem(folder):
            raise InvalidError(f"{shown} {problem}")
        write_page(folder, opened.storage, _state(opened, folder), types)
        for file in (PAGE, MARKDOWN, FILE):
            opened.storage.write(folder / file, (folder / file).read_bytes())
        console = Console(highlight=False, markup=False, soft_wrap=True)
        console.print(f"{opened.shown(folder / PAGE)} is written, and {MARKDOWN} beside it")
    return 0


def _state(opened: OpenedStorage, folder: Path) -> State:
    if opened.is_alive(folder):
        return "running"
    status = read_status(folder)
    is_done = status is not None and len(status.ended) >= status.total and (folder / SUMMARY).exists()
    return "finished" if is_done else "stopped"
