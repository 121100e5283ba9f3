"""The store of what is costly and depends on the teacher alone: made once, named by what made it, shared by all trials.

An artefact is a folder of files under `ROOT/KIND/HASH`. It is made in a temporary folder under a lock, by one
process while others wait, then renamed into place, so that nobody ever sees half of one. A manifest holds
the size and SHA-256 of each file; a torn or foreign folder is found out and made again. Works for
any number of processes on file systems with POSIX locks, without Ray. Files are safetensors, npy without pickle,
or JSON, so that loading one runs no code.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

_MANIFEST = "manifest.json"


class Store:
    """A folder of artefacts; see the file's docstring.

    Args:
        root: made when the first artefact is; several processes and machines may share it.
        read_only: refuse to make what is not there.
    """

    def __init__(self, root: str | os.PathLike[str], *, read_only: bool = False):
        self.root = Path(root).expanduser().absolute()
        self._read_only = read_only

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def get(self, kind: str, key: str, make: Callable[[Path], None]) -> Path:
        """The folder of the artefact `key` of a kind, made by `make(empty_folder)` if there is none.

        Args:
            kind: a plain word, such as `codebook`.
            key: a hash of everything that decides the content (`raykd.serialise.fingerprint`).
            make: writes the artefact's files into the folder it is given. If it raises, nothing is kept.

        Raises:
            NotMadeError: there is none, and the store is read only.
        """
        folder = self.root / kind / key
        if _is_whole(folder):
            return folder
        if self._read_only:
            raise NotMadeError(kind)
        locks = self.root / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{kind}-{key}.lock"):
            if not _is_whole(folder):
                self._make(folder, make)
        return folder

    def _make(self, folder: Path, make: Callable[[Path], None]) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for remains in (folder, *folder.parent.glob(f".{folder.name}-*")):  # torn, or left by a killed process
            shutil.rmtree(remains, ignore_errors=True)
        working = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            make(working)
            sums = {str(path.relative_to(working)): _sum(path) for path in sorted(working.rglob("*")) if path.is_file()}
            if not sums:
                raise RuntimeError(f"the maker of {folder.parent.name}/{folder.name} wrote no file")
            write_text(working / _MANIFEST, json.dumps(sums, indent=1))
            working.chmod(0o755)
            working.rename(folder)
        except BaseException:
            shutil.rmtree(working, ignore_errors=True)
            raise


class NotMadeError(LookupError):
    """A store that is read only lacks an artefact; the argument is its kind."""


def write_text(path: Path, text: str) -> None:
    """Writes a text file under a temporary name, flushes it to the disk and renames it into place."""
    write(path, lambda temporary: temporary.write_text(text))


def write(path: Path, save: Callable[[Path], object], keep: Path | None = None) -> None:
    """Lets `save(temporary_path)` write a file, flushes it to the disk and renames it into place.

    The file's folder is made where it is missing, but not what it lies in: a storage that is away for a while must
    not be made anew in its place.

    Args:
        keep: a name for the file that stood there before.
    """
    path.parent.mkdir(exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        save(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        if keep is not None and path.exists():
            path.replace(keep)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append(path: Path, data: bytes) -> None:
    """Appends to a file in a folder that is there: all of the data, or nothing of it where that fails."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        try:
            written = 0
            while written < len(data):
                written += os.write(handle, data[written:])
        except BaseException:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)


_whole: set[Path] = set()


def _is_whole(folder: Path) -> bool:
    """Whether a folder is a finished artefact; its sums are checked once per process."""
    if folder in _whole and folder.exists():
        return True
    try:
        sums = json.loads((folder / _MANIFEST).read_text())
        entries = sums.items() if isinstance(sums, dict) else ()
        whole = bool(entries) and all(_sum(folder / name) == entry for name, entry in entries)
    except (OSError, ValueError):
        return False
    if whole:
        _whole.add(folder)
    return whole


def _sum(path: Path) -> list[int | str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return [path.stat().st_size, digest]
