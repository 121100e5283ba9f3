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
class View:
    """Searches to look at.

    Args:
        asked: the folder to look into.
        is_alive: whether the process of a search, given by its folder, lives.
        ask: asks a search to stop.
        name: what a folder is called by whoever typed the command.
    """

    asked: Path
    is_alive: Callable[[Path], bool]
    ask: Callable[[Path], None]
    name: Callable[[Path], str]


@contextlib.contextmanager
def viewed(typed: str) -> Iterator[View]:
    """A view of the folder or the URI that was typed.

    Raises:
        ValueError, FileNotFoundError, PermissionError, ConnectionError: one line on what is wrong with a URI.
    """
    if "://" not in typed:
        yield View(Path(typed).expanduser(), is_running, ask_to_stop, str)
        return
    from raykd.runs.heartbeat import living
    from raykd.runs.remote_search import looked_at  # pyarrow is slow to load, and a folder needs none

    with tempfile.TemporaryDirectory() as copy:
        mirror, asked = looked_at(typed, Path(copy))
        alive = functools.cache(lambda: living(mirror, [asked, *folders(asked)]))
        yield View(
            asked,
            is_alive=lambda folder: folder in alive(),
            ask=lambda folder: mirror.write(folder / STOP, b""),
            name=mirror.at,
        )
