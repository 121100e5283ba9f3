"""The result of a search, read from its folder in a later session."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pandas

from raykd.errors import MissingError, nearest
from raykd.runs.folder_format import check_format
from raykd.runs.remote_search import bring_search
from raykd.runs.result import TABLE, Result
from raykd.runs.status import is_running, read_status
from raykd.storage.address import check_address, is_address
from raykd.storage.layout import SEARCH, SUMMARY, folders
from raykd.storage.opening import open_storage
from raykd.storage.storage import Storage


def load_result(folder: str | os.PathLike[str], types: Iterable[type] = ()) -> Result:
    """What a search has found, read from its folder: the same as `tune` gave when it ended or was stopped.

    Args:
        folder: of the search, `STORAGE/NAME`; may be a URI such as `s3://bucket/prefix/NAME`.
        types: classes of the study's own that may stand in its recipes; no other code is ever looked up or run.

    Raises:
        FileNotFoundError: there is no such search, or it has found nothing yet.
        ValueError: the folder has another format, or the URI cannot be one.
        PermissionError, ConnectionError: the storage may not be read, or does not answer.
    """
    typed = os.fspath(folder).rstrip("/")
    storage, name = _parted(typed)
    opened = open_storage(storage or ".")
    opened.check(writes=False)
    there = opened.root / name
    if opened.read(there / SEARCH) is None:
        raise MissingError(f"no search {name!r} in {opened.shown(opened.root)}; {nearest(name, _searches(opened))}")
    bring_search(opened, there)
    check_format(there)
    if not (there / SUMMARY).exists():
        raise MissingError(f"{opened.shown(there)} has no result yet; raykd status {typed} says how far it is")
    status = read_status(there)
    is_done = status is not None and len(status.ended) >= status.total
    return Result(there, read_table(there), interrupted=is_running(there) or not is_done, types=tuple(types))


def read_table(folder: Path) -> pandas.DataFrame:
    """The table of a search's trials as it was written: a value may be a word such as `none`, which is no gap."""
    return pandas.read_csv(folder / TABLE, keep_default_na=False, na_values=[""])


def _parted(typed: str) -> tuple[str, str]:
    """The storage, and the name in it; a URI may have a query behind both."""
    if not is_address(typed):
        storage, _, name = typed.rpartition("/")
        return storage, name
    check_address(typed)  # the whole of it, before its name is cut off
    parts = urlsplit(typed)
    path, _, name = parts.path.rstrip("/").rpartition("/")
    return urlunsplit(parts._replace(path=path)), name


def _searches(storage: Storage) -> list[str]:
    """The names of the searches that there are."""
    there = [path.name for path in folders(storage.root)]
    return there or [name for name in storage.inside(storage.root) if storage.has(storage.root / name / SEARCH)]
