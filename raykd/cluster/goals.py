"""What a search of two goals has beside one of accuracy alone: its study's sizes, and what its students cost."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from raykd.errors import InvalidError
from raykd.runs.costs import COSTS, Costs, costs_for, read_costs, save_costs
from raykd.runs.search_folder import Search
from raykd.studies.sizes import aimed, check_sizes
from raykd.studies.study import Study


def as_it_was(study: Study, name: str, search: Search, pareto: str | None, num_processes: int) -> Study:
    """The study of a search to go on with, with the goal that it was begun with.

    Args:
        name: of the search.
        pareto: the goal that was asked for now; None leaves it as it is.

    Raises:
        ValueError: the search has another one.
    """
    if pareto not in (None, search.pareto):
        has = f"for accuracy and {search.pareto}" if search.pareto else "for accuracy alone"
        raise InvalidError(f"{name} searches {has}, and pareto {pareto} begins a new search; leave out --pareto")
    if search.pareto is None:
        return aimed(dataclasses.replace(study, pareto=None), None)
    found = aimed(study, search.pareto)
    check_sizes(found, num_processes)
    return found


def known_costs(
    study: Study, folder: Path, given: str | os.PathLike[str] | None, say: Callable[[str], None]
) -> Costs | None:
    """What a search compares its students by: what its folder or a file has, or what is measured before it trains.

    Args:
        given: a file of `raykd measure`.

    Raises:
        ValueError, FileNotFoundError: as `costs_for`; or a search goes on, and has its own.
    """
    file = folder / COSTS
    if study.pareto and file.exists():
        if given is not None:
            raise InvalidError(f"{folder.name} goes on with the costs in its own {COSTS}; leave out --costs")
        return read_costs(file)
    found = costs_for(study, given, say)
    if found is not None:
        save_costs(found, file)
    return found
