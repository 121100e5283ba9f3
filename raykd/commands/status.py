"""`raykd status`: how far the searches of a storage are, read from their files by another process."""

import argparse
import difflib
import json
import shlex
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from raykd.commands import called
from raykd.commands.opened_storage import OpenedStorage, open_storage
from raykd.errors import MissingError
from raykd.reporting.status_line import clock
from raykd.runs.folder_format import format_problem
from raykd.runs.status import SearchStatus, read_status
from raykd.storage.layout import EPOCHS, RECIPE, SEARCH, SUMMARY, TRIALS, folders

_METRIC = "val/accuracy"


def run_status(options: argparse.Namespace) -> int:
    """Shows every search of a storage, or one search with its trials.

    Raises:
        FileNotFoundError: there is none.
    """
    with open_storage(options.folder) as opened:
        found = searches(opened)
        console = Console(highlight=False, markup=False, soft_wrap=True)
        for folder in found:
            _show(folder, opened, console)
        if found == [opened.folder] and format_problem(found[0]) is None:
            console.print(_trials(found[0], opened), soft_wrap=False)
    return 0


def searches(opened: OpenedStorage) -> list[Path]:
    """The search that is looked at, or those in the storage that is.

    Raises:
        FileNotFoundError: there is none.
    """
    folder = opened.folder
    if (folder / SEARCH).is_file():
        return [folder]
    if found := folders(folder):
        return found
    if folder.is_dir():
        start = shlex.join([*called(), "tune", "--storage", opened.name(folder)])
        raise MissingError(f"no search in {shlex.quote(opened.shown(folder))}; {start} starts one")
    there = [str(path) for path in [*folder.parent.glob("*/"), *folders(folder.parent)]]
    close = difflib.get_close_matches(str(folder), there, n=1)
    raise MissingError(f"no folder {folder}" + (f"; did you mean {close[0]}" if close else ""))


def go_on(folder: Path, opened: OpenedStorage) -> str:
    """How to go on with a search, in words."""
    storage, record = opened.name(folder.parent), _record(folder)
    options: dict[str, Any] = record["options"]
    if record["file"] is None:
        given = {"storage": storage, "name": folder.name, "resume": True} | options
        told = (f"{option}={tuple(value) if isinstance(value, list) else value!r}" for option, value in given.items())
        return f"go on with: raykd.tune(study, {', '.join(told)})"
    words = [*called(), "tune", "--resume", folder.name, "--storage", storage]
    for option, value in options.items():
        words += [f"--{option.replace('_', '-')}", _typed(value)]
    return f"go on with: {shlex.join(words)}"


def _typed(value: Any) -> str:
    """The value of an option, as it is typed; a least and a most number are `1-8`."""
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)


def _show(folder: Path, opened: OpenedStorage, console: Console) -> None:
    """How far a search is, what runs in it or how to go on with it."""
    name = f"{folder.name} (study {_record(folder)['study']})"
    if problem := format_problem(folder):
        console.print(f"{name} {problem}")
        return
    status = read_status(folder)
    word = _word(folder, status, opened)
    done, best, failed = "no trial done", "none yet", ""
    if status is not None:
        done = f"{len(status.ended)} of {status.total} trials done"
        failed = f", {status.failed} failed" if status.failed else ""
        best = f"{status.best[1]:.4f} ({status.best[0]})" if status.best else best
    console.print(f"{name}: {word}, {done}{failed}, best so far {best}, last epoch {_last_epoch(folder)}")
    if word == "stopped":
        console.print(f"  {go_on(folder, opened)}")
    elif word == "finished":
        console.print(f"  {json.loads((folder / SUMMARY).read_text())['verdict']}")
    elif status is not None:
        console.print(f"  process {status.pid} on {status.host}" + (f": {status.doing}" if status.doing else ""))
        for name in status.running:
            console.print(f"  {name}: {_progress(folder / TRIALS / name)}")


def _trials(folder: Path, opened: OpenedStorage) -> Table:
    """Every trial that has begun, those that train now first and then the best first."""
    status = read_status(folder)
    ended = status.ended if status else {}
    running = status.running if status and _word(folder, status, opened) == "running" else ()
    table = Table("trial", "outcome", "validation", "epochs")
    rest = sorted({path.name for path in (folder / TRIALS).glob("*/")} - {*ended, *running})
    for name in (*running, *rest):
        epoch = _newest(folder / TRIALS / name)
        accuracy = f"{epoch[_METRIC]:.4f}" if epoch else ""
        table.add_row(name, "running" if name in running else "unfinished", accuracy, str(epoch.get("number", 0)))
    for name in sorted(ended, key=lambda name: ended[name].accuracy or 0.0, reverse=True):
        end = ended[name]
        table.add_row(name, end.kind, "" if end.accuracy is None else f"{end.accuracy:.4f}", str(end.epochs))
    return table


def _word(folder: Path, status: SearchStatus | None, opened: OpenedStorage) -> str:
    """Whether a search is running, finished or stopped."""
    if opened.is_alive(folder):
        return "running"
    is_done = status is not None and len(status.ended) >= status.total and (folder / SUMMARY).exists()
    return "finished" if is_done else "stopped"


def _progress(trial: Path) -> str:
    """How far a trial is, in words."""
    epoch = _newest(trial)
    if not epoch:
        return "no epoch yet"
    epochs = json.loads((trial / RECIPE).read_text())["epochs"]
    return f"epoch {epoch['number']} of {epochs}, validation accuracy {epoch[_METRIC]:.4f}"


def _newest(trial: Path) -> dict[str, Any]:
    """What the newest epoch of a trial gave; nothing before its first. A line that is being written is left out."""
    try:
        lines = (trial / EPOCHS).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return next((json.loads(line) for line in reversed(lines) if line.endswith("}")), {})


def _last_epoch(folder: Path) -> str:
    times = [file.stat().st_mtime for file in folder.glob(f"{TRIALS}/*/{EPOCHS}")]
    return f"{clock(max(0.0, time.time() - max(times)))} ago" if times else "none yet"


def _record(folder: Path) -> dict[str, Any]:
    return {"file": None, "options": {}} | json.loads((folder / SEARCH).read_text())
