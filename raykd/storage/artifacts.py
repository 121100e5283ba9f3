"""The store of what is costly and depends on the teacher alone: made once, named by what made it, shared by all trials.

An artefact is a folder of files under `ROOT/KIND/HASH`. It is made in a temporary folder under a lock, by one
process while others wait, then renamed into place, so that nobody ever sees half of one. A manifest holds
the size and SHA-256 of each file; a torn or foreign folder is found out and made again. Works for
any number of processes on file systems with POSIX locks, without Ray, and for machines that have a folder each
(`exchange.py`). Files are safetensors, npy without pickle, or JSON, so that loading one runs no code.
"""

import os
import stat
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from filelock import FileLock

from raykd.errors import InvalidError
from raykd.storage.atomic import working_folder
from raykd.storage.layout import ARTIFACTS, is_plain
from raykd.storage.links import check_inside
from raykd.storage.local import LocalStorage
from raykd.storage.manifest import MANIFEST, write_manifest
from raykd.storage.partial import PartialArtifact
from raykd.storage.retry import FULL, retry_while_unavailable
from raykd.storage.room import DEFAULT_ROOM, reserve
from raykd.storage.storage import Storage
from raykd.storage.verified import is_whole

_LOCKS = "locks"


class Store:
    """A folder of artefacts; see the file's docstring.

    Args:
        root: made when the first artefact is; several processes and machines may share it.
        makes: the kinds that it makes where they are not there; all by default, none for a store that is only read.
        storage: that the root lies in; a folder that all machines see by default. Both may come from another machine.
        made: told of each artefact that was made by this store: its kind, its key and the seconds that it took.
        room: bytes that what teachers say of each view of an image may take on a machine's disk, 0 to keep nothing; by
            default 20 GB, and at most half of what is free. It changes no result; see `keep`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        makes: Collection[str] | None = None,
        storage: Storage | None = None,
        made: Callable[[str, str, float], None] | None = None,
        room: int | None = None,
    ):
        path = Path(root).expanduser().absolute()
        sent = storage or LocalStorage(root=path)
        self.root, self._storage, self._makes = sent.here(path), sent.moved_here(), makes
        self._made, self.room = made, room

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def get(self, kind: str, key: str, make: Callable[[Path], None]) -> Path:
        """The folder of the artefact `key` of a kind, made by `make(empty_folder)` if there is none.

        Args:
            kind: a plain word, such as `codebook`.
            key: a hash of everything that decides the content (`raykd.space.serialise.fingerprint`).
            make: writes the artefact's files into the folder it is given. If it raises, nothing is kept; where the
                disk is full, it is called again until there is room.

        Raises:
            ValueError: a kind or a key that could lead out of the store.
            NotMadeError: there is none, and the store makes none of this kind.
        """
        _check_plain(kind, key)
        folder = self.root / kind / key
        if _is_whole(folder):
            return folder
        makes = self._makes is None or kind in self._makes
        if not makes and self._storage.read(folder / MANIFEST) is None:  # who only reads leaves no locks
            raise NotMadeError(kind)
        locks = self.root / _LOCKS
        for place in (folder.parent, locks):  # a link in the artefact's own place is taken away
            check_inside(self._storage.root, place)
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{kind}-{key}.lock"):
            if not _is_whole(folder) and not self._storage.fetch_artifact(folder):
                if not makes:
                    raise NotMadeError(kind)
                begun = time.monotonic()
                retry_while_unavailable(
                    lambda: self._make(folder, make), passing=FULL
                )  # a maker may miss a file of its own
                if self._made is not None:
                    self._made(kind, key, time.monotonic() - begun)
        return folder

    @property
    def keeps(self) -> bool:
        """Whether `keep` keeps anything; a store that does not make all it is asked for leaves nothing."""
        return self._makes is None

    def has_room(self, size: int) -> bool:
        """Whether so many bytes are no more than all the room there is."""
        return size <= (DEFAULT_ROOM if self.room is None else self.room)

    def keep(self, kind: str, sizes: Mapping[str, int]) -> list[Path] | None:
        """Folders on this machine, one for each name, that may grow to so many bytes; None where there is no room.

        They hold what is cheaper to keep than to make again. What was not used for longest makes way.

        Raises:
            ValueError: a kind or a name that could lead out of the store.
            OSError: the disk is full, or away.
        """
        _check_plain(kind, *sizes)
        if not (self.keeps and self.has_room(sum(sizes.values()))):
            return None
        for name in sizes:
            check_inside(self._storage.root, self.root / kind / name)
        folders = [reserve(self.root / kind, name, size, self.room) for name, size in sizes.items()]
        return None if None in folders else [folder for folder in folders if folder]

    def partial(self, name: str, state: str) -> PartialArtifact:
        """Where a maker keeps what it has so far, so that the next one, here or on another machine, goes on from it.

        Args:
            state: the file that is written last whenever there is more to go on from.
        """
        return self._storage.partial(self.root / "partial" / name, state)

    def _make(self, folder: Path, make: Callable[[Path], None]) -> None:
        with working_folder(folder) as working:
            make(working)
            write_manifest(working, f"{folder.parent.name}/{folder.name}")
            self._storage.place_artifact(working, folder)


def open_store(
    storage: Storage,
    makes: Collection[str] | None = None,
    made: Callable[[str, str, float], None] | None = None,
    room: int | None = None,
) -> Store:
    """The store of a storage, on the machine that this is called on.

    Args:
        makes, made, room: as of `Store`.
    """
    return Store(storage.root / ARTIFACTS, makes=makes, storage=storage, made=made, room=room)


def is_own_store(root: Path) -> bool:
    """Whether this user has made artefacts in a folder before."""
    try:
        seen, locks = root.stat(), (root / _LOCKS).lstat()
    except OSError:
        return False
    return {seen.st_uid, locks.st_uid} == {os.geteuid()} and stat.S_ISDIR(locks.st_mode)


def _check_plain(*words: str) -> None:
    for word in words:
        if not is_plain(word):
            raise InvalidError(f"an artefact's kind and key are plain words, got {word!r}")


class NotMadeError(LookupError):
    """A store lacks an artefact of a kind that it does not make; the argument is the kind."""


_whole: set[Path] = set()


def _is_whole(folder: Path) -> bool:
    """Whether a folder is a finished artefact; its sums are checked once on a machine, and asked for once a process."""
    if folder in _whole and folder.exists():
        return True
    if whole := is_whole(folder):
        _whole.add(folder)
    return whole
