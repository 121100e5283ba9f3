"""Folders of machines that work in one of their own each: pushed to a storage's objects, and pulled from them."""

import contextlib
import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterator
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from raykd.storage.atomic import working_folder
from raykd.storage.object_store import Entry
from raykd.storage.objects import Objects

E = TypeVar("E")
_LOCAL = (".log", ".lock", ".torn")


class Uploader(ABC):
    """Files that other machines are to see when they have changed."""

    @abstractmethod
    def push(self, *, wait: bool = True) -> None:
        """Pushes what has changed since.

        Args:
            wait: for a storage that is away, instead of raising an `OSError`.
        """

    @abstractmethod
    def skip_present(self) -> None:
        """Takes all that is there for pushed, as after it was pulled."""

    @abstractmethod
    def clear(self) -> None:
        """Removes what is spent from this machine, once the storage has all that was to be pushed."""


class LocalUploader(Uploader):
    """Has nothing to do: other machines see the very files."""

    def push(self, *, wait: bool = True) -> None:
        pass

    def skip_present(self) -> None:
        pass

    def clear(self) -> None:
        pass


class SyncedUploader(Uploader):
    """Pushes files in the order that they were written.

    What is being written has a name that begins with a dot, and stays; so do logs, locks, and the checkpoint before
    the last one, as an object in the storage is never torn.

    Args:
        globs: folders, each with a pattern of the files below it.
        spent: files that need not stay on this machine when the last push is done.
    """

    def __init__(self, objects: Objects, *globs: tuple[Path, str], spent: Collection[Path] = ()):
        self._objects, self._globs, self._spent = objects, globs, spent
        self._pushed: dict[Path, tuple[int, int]] = {}

    def push(self, *, wait: bool = True) -> None:
        objects = self._objects if wait else self._objects.without_waiting()
        for file, mark in self._found():
            if self._pushed.get(file) != mark:
                with contextlib.suppress(LookupError):  # it has been renamed or deleted since
                    objects.push(file)
                    self._pushed[file] = mark

    def skip_present(self) -> None:
        self._pushed = dict(self._found())

    def clear(self) -> None:
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


def pull(objects: Objects, folder: Path) -> None:
    """Makes a local folder what is kept of it: what else lies there is removed."""
    locks = objects.root / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    with FileLock(locks / f"pull-{name}.lock"):  # several workers of a machine may take up a trial together
        kept = objects.names(folder)
        with working_folder(folder) as working:
            for name in kept:
                objects.fetch(folder / name, working / name)
            shutil.rmtree(folder, ignore_errors=True)
            if kept:
                working.rename(folder)


def pull_files(objects: Objects, folder: Path) -> None:
    """Copies the files that lie right in a folder."""
    for name, entry in objects.inside(folder).items():
        if not entry.is_folder:
            _copy(objects, folder / name, entry)


def pull_grown(objects: Objects, folder: Path, pattern: str) -> None:
    """Copies the files that are missing here, or shorter than what is kept: right for those that only grow."""
    for name, entry in objects.names(folder, pattern).items():
        file = folder / name
        if not file.exists() or file.stat().st_size < entry.size:
            _copy(objects, file, entry)


def _copy(objects: Objects, file: Path, entry: Entry) -> None:
    """Copies a file, with the time at which it was pushed."""
    objects.fetch(file, file)
    os.utime(file, ns=(entry.time_ns, entry.time_ns))


def _is_local(file: Path) -> bool:
    return file.name.startswith(".") or file.suffix in _LOCAL or ".previous." in file.name
