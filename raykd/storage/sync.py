"""Folders that machines with a folder of their own push to the storage, and pull from it (see `mirror.py`)."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Collection, Generator, Iterator
from pathlib import Path
from typing import TypeVar

from filelock import FileLock
from pyarrow import fs

from raykd.storage.atomic import working_folder
from raykd.storage.layout import SIGNALS
from raykd.storage.mirror import Mirror

E = TypeVar("E")
_LOCAL = (".log", ".lock", ".torn")


class Uploader:
    """Files that go to the storage when they have changed, in the order that they were written.

    What is being written has a name that begins with a dot, and stays; so do logs, locks, and the checkpoint before
    the last one, as an object in the storage is never torn.

    Args:
        globs: folders, each with a pattern of the files below it.
        spent: files that need not stay on this machine when the last push is done.
    """

    def __init__(self, mirror: Mirror, *globs: tuple[Path, str], spent: Collection[Path] = ()):
        self.mirror = mirror
        self._globs, self._spent = globs, spent
        self._pushed: dict[Path, tuple[int, int]] = {}

    def push(self, *, wait: bool = True) -> None:
        """Pushes what has changed since.

        Args:
            patient: wait for a storage that is away, instead of raising an `OSError`.
        """
        mirror = self.mirror if wait else self.mirror.without_waiting()
        for file, mark in self._found():
            if self._pushed.get(file) != mark:
                with contextlib.suppress(LookupError):  # it has been renamed or deleted since
                    mirror.push(file)
                    self._pushed[file] = mark

    def skip_present(self) -> None:
        """Takes all that is there for pushed, as after it was pulled."""
        self._pushed = dict(self._found())

    def clear(self) -> None:
        """Removes the spent files from this machine, once the storage has all that was to be pushed."""
        if dict(self._found()).items() <= self._pushed.items():
            for file in self._spent:
                file.unlink(missing_ok=True)

    def _found(self) -> list[tuple[Path, tuple[int, int]]]:
        """The files, each with a mark that changes with its content: its time and size."""
        marks: dict[Path, tuple[int, int]] = {}
        for folder, pattern in self._globs:
            for file in folder.glob(pattern):
                with contextlib.suppress(FileNotFoundError):
                    if file.is_file() and not _is_local(file):
                        status = file.stat()
                        marks[file] = (status.st_mtime_ns, status.st_size)
        return sorted(marks.items(), key=lambda item: item[1])


def pull(mirror: Mirror, folder: Path) -> None:
    """Makes a local folder what the storage has of it: what else lies there is removed."""
    locks = mirror.root / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    with FileLock(locks / f"pull-{name}.lock"):  # several workers of a machine may take up a trial together
        kept = mirror.names(folder)
        with working_folder(folder) as working:
            for name in kept:
                mirror.fetch(folder / name, working / name)
            shutil.rmtree(folder, ignore_errors=True)
            if kept:
                working.rename(folder)


def pull_grown(mirror: Mirror, folder: Path, pattern: str = "*") -> None:
    """Copies the files that are missing here, or shorter than what the storage has: right for those that only grow."""
    for name, info in mirror.names(folder, pattern).items():
        file = folder / name
        if not file.exists() or file.stat().st_size < info.size:
            copy(mirror, file, info)


def copy(mirror: Mirror, file: Path, info: fs.FileInfo) -> None:
    """Copies a file, with the time at which it was pushed."""
    mirror.fetch(file, file)
    os.utime(file, ns=(info.mtime_ns, info.mtime_ns))


def take_up(mirror: Mirror, folder: Path, board: Path, spent: Collection[Path] = ()) -> Uploader:
    """Makes a trial's folders on this machine what the storage has of it; gives what pushes all that follows.

    Args:
        spent: as of `Uploader`.
    """
    pull(mirror, folder)
    pull(mirror, board)
    uploader = Uploader(mirror, (folder, "*"), (board, "**/*"), spent=spent)
    uploader.skip_present()
    return uploader


def pushing(epochs: Iterator[E], uploader: Uploader) -> Generator[E, None, None]:
    """Hands epochs on when the storage has all that was written of them, and in the end what the end has written.

    Then what is spent leaves this machine.
    """
    try:
        for epoch in epochs:
            uploader.push()
            yield epoch
    finally:
        if isinstance(epochs, Generator):
            epochs.close()
        uploader.push()
        uploader.clear()


def _is_local(file: Path) -> bool:
    return file.name.startswith(".") or file.suffix in _LOCAL or ".previous." in file.name or file.name in SIGNALS
