"""What `raykd status` and `raykd stop` look at: a folder as it is, or a copy of what an object store has."""

import contextlib
import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from raykd.runs.status import ask_to_stop, is_running
from raykd.storage.layout import STOP, folders


@dataclass(frozen=True)
class OpenedStorage:
    """Searches to look at.

    Args:
        folder: the folder to look into.
        is_alive: whether the process of a search, given by its folder, lives.
        ask_to_stop: asks a search to stop.
        name: what a folder is called by whoever typed the command.
    """

    folder: Path
    is_alive: Callable[[Path], bool]
    ask_to_stop: Callable[[Path], None]
    name: Callable[[Path], str]


@contextlib.contextmanager
def open_storage(typed: str) -> Iterator[OpenedStorage]:
    """A view of the folder or the URI that was typed.

    Raises:
        ValueError, FileNotFoundError, PermissionError, ConnectionError: one line on what is wrong with a URI.
    """
    if "://" not in typed:
        yield OpenedStorage(Path(typed).expanduser(), is_running, ask_to_stop, str)
        return
    from raykd.runs.heartbeat import find_living
    from raykd.runs.remote_search import copy_to_look_at  # pyarrow is slow to load, and a folder needs none

    with tempfile.TemporaryDirectory() as copy:
        mirror, shown = copy_to_look_at(typed, Path(copy))
        alive = functools.cache(lambda: find_living(mirror, [shown, *folders(shown)]))
        yield OpenedStorage(
            shown,
            is_alive=lambda folder: folder in alive(),
            ask_to_stop=lambda folder: mirror.write(folder / STOP, b""),
            name=mirror.at,
        )
