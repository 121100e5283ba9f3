"""What `raykd status` and `raykd stop` look at: a folder as it is, or a copy of what an object store has."""

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from raykd.runs.heartbeat import find_living
from raykd.runs.remote_search import look_at
from raykd.runs.status import is_running
from raykd.storage.layout import STOP, folders
from raykd.storage.storage import Storage


@dataclass(frozen=True)
class OpenedStorage:
    """Searches to look at.

    Args:
        storage: its root is the folder to look into, which may be that of a search.
    """

    storage: Storage

    @property
    def folder(self) -> Path:
        return self.storage.root

    def is_alive(self, folder: Path) -> bool:
        """Whether the process of a search, given by its folder, lives."""
        return is_running(folder) or folder in self._living

    def ask_to_stop(self, folder: Path) -> None:
        """Asks a search to stop."""
        self.storage.write(folder / STOP, b"")

    def name(self, folder: Path) -> str:
        """What a folder is called by whoever typed the command."""
        return self.storage.uri_of(folder)

    def shown(self, folder: Path) -> str:
        """The same for what is said, not typed: of a URI scheme, bucket and path alone."""
        return self.storage.shown(folder)

    @functools.cached_property
    def _living(self) -> frozenset[Path]:
        """The searches whose drivers leave heartbeats, all looked at together."""
        return frozenset(find_living(self.storage, [self.folder, *folders(self.folder)]))


@contextlib.contextmanager
def open_storage(typed: str) -> Iterator[OpenedStorage]:
    """A view of the folder or the URI that was typed.

    Raises:
        ValueError, FileNotFoundError, PermissionError, ConnectionError: one line on what is wrong with a URI.
    """
    with look_at(typed) as storage:
        yield OpenedStorage(storage)
