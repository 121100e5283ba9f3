"""Writes files so that nobody ever sees half of one, whenever the process dies or the disk is full.

Files and folders get the rights that the process's umask leaves them, as those of any program, and never another: a
group that shares a storage works by `umask 002`. A link in the place of a file is not written through.
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path


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
    temporary = unused(path)
    try:
        temporary.touch(exist_ok=False)
        save(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            path.replace(keep)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append(path: Path, data: bytes) -> None:
    """Appends to a file in a folder that is there: all of the data, or nothing of it where that fails."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
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


def no_link(path: str, flags: int) -> int:
    """Opens a file as `open(..., opener=no_link)` does, but for one that a link leads to."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


@contextlib.contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside one, to be renamed to it when it is filled; removed in the end where it has not been."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    working = unused(folder)
    working.mkdir()
    try:
        yield working
    finally:
        shutil.rmtree(working, ignore_errors=True)


def unused(path: Path) -> Path:
    """A hidden name beside a path that nothing else has, for what becomes that path when it is whole.

    Not `tempfile`'s, whose files and folders only their owner may read, whatever the umask is.
    """
    return path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}{path.suffix}")
