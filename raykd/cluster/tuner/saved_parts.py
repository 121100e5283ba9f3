"""What raykd saves within Tune's own state: in the very file that Tune's trials are in.

Tune saves its trials, its searcher and its callbacks in a file each, one after the other. A driver that dies in between
leaves files that do not fit together: a trial that has ended for one of them takes up a place for the other for ever,
or is drawn once more. So all of them are one file here, as Tune writes everything that its controller has of its own.
"""

import pickle
from collections.abc import Callable
from typing import Any

_ATTRIBUTE = "raykd"


class _Saved:
    """Is pickled as what its parts give at that moment."""

    def __init__(self, parts: dict[str, Callable[[], Any]]):
        self._parts = parts

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        # Comes back as the plain parts, by which a search that goes on is told from one that already has.
        parts = pickle.dumps({name: part() for name, part in self._parts.items()})  # Tune's way is slower
        return pickle.loads, (parts,)


def save_with(controller: Any, **parts: Callable[[], Any]) -> dict[str, Any]:
    """Lets a controller of Tune save parts of a search with its trials, from now on.

    Args:
        parts: what gives each of them, to be pickled.

    Returns:
        The parts as the search that this one goes on with has saved them; nothing where it is new, or has gone on.
    """
    before = vars(controller).get(_ATTRIBUTE)
    if isinstance(before, _Saved):
        return {}
    vars(controller)[_ATTRIBUTE] = _Saved(parts)
    return before or {}
