"""The confirmation of a search as a table: a row for each finalist and baseline."""

from rich.table import Table

from raykd.runs.confirmed import Confirmed
from raykd.runs.shown import HEADS, cells, title


def confirmation_table(found: Confirmed) -> Table:
    """Means and 95 % intervals in percent, and on the validation split the differences to both baselines."""
    table = Table(*HEADS, title=title(found))
    for row in cells(found):
        table.add_row(*row)
    return table
