"""The front of a search of two goals on a terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from raykd.runs.front import HEADS, cells
from raykd.runs.search_folder import read_search
from raykd.studies.goals import goal

if TYPE_CHECKING:
    import pandas


def front_table(front: "pandas.DataFrame", folder: Path) -> Table:
    """A row for each point, the cheapest first, as far as a narrow terminal has room; `front.csv` has the rest.

    Args:
        folder: of the search, which says what its goal is.
    """
    table = Table(*_narrow(HEADS), title="the front: raykd export STORAGE/NAME --trial TRIAL")
    for row in cells(front, goal(read_search(folder).pareto or "")):
        table.add_row(*_narrow(row))
    return table


def _narrow(row: tuple[str, ...]) -> tuple[str, ...]:
    return (*row[:5], row[-1])
