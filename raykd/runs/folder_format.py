"""Which format a search's folder has, and what is said of one that this raykd cannot go on with.

Format 1 is what wrote no number into `search.json`: what Ray goes on from is a pickle of classes by their modules'
names, which have changed since. Format 2 knew no confirmation, and no trial by what it trains. Format 3 went on from a
pickle too, which runs whatever it names; since then a search goes on from plain text (`raykd.runs.ledger`). The table,
recipes and students of any format are plain files, and stay readable.
"""

import json
from pathlib import Path

from raykd.errors import InvalidError
from raykd.storage.layout import SEARCH

FORMAT = 4


def format_problem(folder: Path) -> str | None:
    """What keeps this raykd from going on with a search, in words that follow its name; None where nothing does."""
    record = {"format": 1} | json.loads((folder / SEARCH).read_text())
    if record["format"] == FORMAT:
        return None
    return (
        f"was written by raykd {record['versions'].get('raykd', '(unknown)')} in format {record['format']}, and this "
        f"raykd goes on with format {FORMAT} alone: start a new search; its table, recipes and students can be used"
    )


def check_format(folder: Path) -> None:
    """Refuses a search that this raykd cannot go on with.

    Raises:
        ValueError: what wrote it, and what can still be done with it.
    """
    if problem := format_problem(folder):
        raise InvalidError(f"{folder} {problem}")
