"""Puts the newest state of a search before all that are to come, whatever the clock says.

Tune saves a search in files that it names after the local time at which the driver began, and goes on from the name
that comes last. So it would go on from an old state, and try anew what has ended since, where a search is resumed
twice after its clock went back: set right, at the end of summer time, or on a machine of another time zone. Before a
search is resumed, its newest state is therefore given a name that comes before every year.
"""

import functools
import os
from collections.abc import Iterable
from pathlib import Path

from raykd.mirror import Mirror
from raykd.patience import patiently

_KINDS = ("experiment_state-", "search_gen_state-", "searcher-state-")  # raykd's callbacks have none
_FIRST = "0000"


def put_first(folder: Path, mirror: Mirror | None = None) -> None:
    """Gives the newest state its name, and removes all others; may be cut off anywhere, and be repeated.

    Args:
        folder: Tune's own of a search, where no driver is at work.
        mirror: where the storage is an object store, the only place where that folder is.
    """
    names = mirror.files(folder) if mirror else [file.name for file in patiently(lambda: list(folder.iterdir()))]
    for kind in _KINDS:
        *older, newest = sorted(name for name in names if name.startswith(kind)) or [""]
        _remove(folder, older, mirror)
        if newest and not newest.startswith(kind + _FIRST):
            _rename(folder / newest, folder / f"{kind}{_FIRST}{Path(newest).suffix}", mirror)


def drop_others(folder: Path) -> None:
    """Removes what an earlier driver has left of its states where Tune has just copied the one to go on from.

    Args:
        folder: where the driver gathers its files; Ray keeps it as long as it runs, and Tune would store them again.
    """
    for kind in _KINDS:
        names = sorted(file.name for file in folder.glob(f"{kind}*"))
        if names and names[0].startswith(kind + _FIRST):
            _remove(folder, names[1:], None)


def _remove(folder: Path, names: Iterable[str], mirror: Mirror | None) -> None:
    for name in names:
        if mirror is None:
            (folder / name).unlink(missing_ok=True)
        else:
            mirror.delete(folder / name)


def _rename(old: Path, new: Path, mirror: Mirror | None) -> None:
    if mirror is None:
        patiently(functools.partial(os.replace, old, new))
    elif (content := mirror.read(old)) is not None:
        mirror.write(new, content)
        mirror.delete(old)
