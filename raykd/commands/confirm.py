"""`raykd confirm`: more seeds for the best of a search."""

import argparse
from typing import Any

from rich.console import Console

from raykd.cluster.tune import tune
from raykd.commands.resumed_study import chosen_study, why_not_trusted
from raykd.commands.tune import show, stopped
from raykd.errors import InvalidError
from raykd.runs.remote_search import prepare_storage
from raykd.runs.search_folder import find, read_search
from raykd.signals import SearchInterrupted
from raykd.storage.layout import SEARCH


def run_confirm(options: argparse.Namespace) -> int:
    """Confirms a search with so many seeds, as it was started otherwise; 130 where it was stopped before the end."""
    storage, _, name = options.folder.rstrip("/").rpartition("/")
    storage = storage or "."
    if options.seeds < 1:
        raise InvalidError(f"--seeds must be at least 1, got {options.seeds}")
    folder = find(prepare_storage(storage, name, resume=True).root, name)
    recorded = read_search(folder)
    if options.seeds < recorded.confirm:
        raise InvalidError(f"--seeds {options.seeds}: {name} has {recorded.confirm} seeds; ask for more")
    told: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in recorded.options.items()
    }
    if why_not_trusted(folder / SEARCH) is not None:
        told.pop("address", None)  # a cluster runs what it likes in whoever joins it
    if options.address is not None:
        told["address"] = options.address
    console = Console(highlight=False, markup=False, soft_wrap=True)
    study = chosen_study(options.study, storage, name)
    try:
        result = tune(study, confirm=options.seeds, storage=storage, name=name, resume=True, **told)
    except SearchInterrupted as interrupted:
        return stopped(interrupted.folder.name, console)
    show(result, console)
    return stopped(result.folder.name, console) if result.interrupted else 0
