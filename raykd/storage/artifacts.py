"""The store of what is costly and depends on the teacher alone: made once, named by what made it, shared by all trials.

An artefact is a folder of files under `ROOT/KIND/HASH`. It is made in a temporary folder under a lock, by one
process while others wait, then renamed into place, so that nobody ever sees half of one. A manifest holds
the size and SHA-256 of each file; a torn or foreign folder is found out and made again. Works for
any number of processes on file systems with POSIX locks, without Ray. Files are safetensors, npy without pickle,
or JSON, so that loading one runs no code.

Where machines have a folder each (`mirror.py`), the storage has the files under the digest of their manifest, and
the manifest under the artefact's own name, written last. Where two machines have made one at a time, both read after
a pause whose manifest came last, and take that one's files, so that all compute with the same bits.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol, runtime_checkable

from filelock import FileLock

from raykd.errors import InvalidError
from raykd.storage.atomic import working_folder, write_text
from raykd.storage.layout import is_inside, is_plain
from raykd.storage.partial import PartialArtifact
from raykd.storage.retry import FULL, retry_while_unavailable

_MANIFEST = "manifest.json"
_SETTLING_S = 1.0  # far longer than it takes from the look for another's manifest to the writing of one's own


@runtime_checkable
class Remote(Protocol):
    """What a store asks of the storage that machines share, by local paths; `raykd.storage.mirror.Mirror` is one."""

    def moved_here(self) -> "Remote": ...

    def here(self, path: Path) -> Path: ...

    def read(self, path: Path) -> bytes | None: ...

    def write(self, path: Path, content: bytes) -> None: ...

    def push(self, file: Path, to: Path) -> None: ...

    def fetch(self, path: Path, into: Path) -> None: ...

    def partial(self, folder: Path, state: str) -> PartialArtifact: ...


class Store:
    """A folder of artefacts; see the file's docstring.

    Args:
        root: made when the first artefact is; several processes and machines may share it.
        makes: the kinds that it makes where they are not there; all by default, none for a store that is only read.
        mirror: of a storage whose machines have a folder each; `root` may then be that of another machine.
    """

    def __init__(
        self, root: str | os.PathLike[str], *, makes: Collection[str] | None = None, mirror: Remote | None = None
    ):
        path = Path(root).expanduser().absolute()
        self.root = path if mirror is None else mirror.here(path)
        self._mirror = None if mirror is None else mirror.moved_here()
        self._makes = makes

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
        for word in (kind, key):
            if not is_plain(word):
                raise InvalidError(f"an artefact's kind and key are plain words, got {word!r}")
        folder = self.root / kind / key
        if _is_whole(folder):
            return folder
        makes = self._makes is None or kind in self._makes
        if not makes and self._mirror is None:
            raise NotMadeError(kind)
        locks = self.root / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{kind}-{key}.lock"):
            if not _is_whole(folder) and not self._fetch(folder):
                if not makes:
                    raise NotMadeError(kind)
                retry_while_unavailable(
                    lambda: self._make(folder, make), passing=FULL
                )  # a maker may miss a file of its own
        return folder

    def partial(self, name: str, state: str) -> PartialArtifact:
        """Where a maker keeps what it has so far, so that the next one, here or on another machine, goes on from it.

        Args:
            state: the file that is written last whenever there is more to go on from.
        """
        folder = self.root / "partial" / name
        return PartialArtifact(folder) if self._mirror is None else self._mirror.partial(folder, state)

    def _make(self, folder: Path, make: Callable[[Path], None]) -> None:
        with working_folder(folder) as working:
            make(working)
            sums = {str(path.relative_to(working)): _sum(path) for path in sorted(working.rglob("*")) if path.is_file()}
            if not sums:
                raise RuntimeError(f"the maker of {folder.parent.name}/{folder.name} wrote no file")
            write_text(working / _MANIFEST, json.dumps(sums, indent=1))
            if self._mirror is None or self._offer(self._mirror, working, folder):
                _place(working, folder)

    def _offer(self, mirror: Remote, working: Path, folder: Path) -> bool:
        """Keeps what was made here for all machines, and whether they take it; else another one's is in its place."""
        manifest = (working / _MANIFEST).read_bytes()
        for name in json.loads(manifest):
            mirror.push(working / name, folder / _digest(manifest) / name)
        if self._fetch(folder):
            return False
        mirror.write(folder / _MANIFEST, manifest)
        time.sleep(_SETTLING_S)
        return mirror.read(folder / _MANIFEST) == manifest or not self._fetch(folder)

    def _fetch(self, folder: Path) -> bool:
        """Takes what another machine has made; whether there is such an artefact, and it is whole."""
        if self._mirror is None or (manifest := self._mirror.read(folder / _MANIFEST)) is None:
            return False
        with working_folder(folder) as working:
            (working / _MANIFEST).write_bytes(manifest)
            try:
                for name in json.loads(manifest):
                    if not is_inside(name):
                        return False  # a foreign file: nothing may be written outside
                    self._mirror.fetch(folder / _digest(manifest) / name, working / name)
            except (LookupError, ValueError):
                return False
            if whole := _agrees(working):
                _place(working, folder)
                _whole.add(folder)
        return whole


def _place(working: Path, folder: Path) -> None:
    for remains in (folder, *folder.parent.glob(f".{folder.name}-*")):  # torn, or left by a killed process
        if remains != working:
            shutil.rmtree(remains, ignore_errors=True)
    working.rename(folder)


class NotMadeError(LookupError):
    """A store lacks an artefact of a kind that it does not make; the argument is the kind."""


_whole: set[Path] = set()


def _is_whole(folder: Path) -> bool:
    """Whether a folder is a finished artefact; its sums are checked once per process."""
    if folder in _whole and folder.exists():
        return True
    if whole := _agrees(folder):
        _whole.add(folder)
    return whole


def _agrees(folder: Path) -> bool:
    """Whether the files of a folder are those of its manifest."""
    try:
        sums = json.loads((folder / _MANIFEST).read_text())
        entries = sums.items() if isinstance(sums, dict) else ()
        return bool(entries) and all(is_inside(name) and _sum(folder / name) == entry for name, entry in entries)
    except (OSError, ValueError):
        return False


def _digest(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()[:16]


def _sum(path: Path) -> list[int | str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return [path.stat().st_size, digest]
