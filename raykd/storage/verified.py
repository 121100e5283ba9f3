"""That an artefact's files have their sums, remembered on a machine: one process there reads them all, and no other.

A teacher's route is gigabytes, which each of a machine's workers would hash before it reads the part that it needs. A
mark is an empty file in a folder of this machine that its user alone enters. Its name is a hash of the artefact's path,
of its manifest, and of each file's size, place on the disk and times, so that whatever changes a file takes the mark
away; what was changed within the last seconds has none yet, as a file system's times may be that coarse. Marks of
others, or in a folder that is not this user's alone, are never looked at, and all of them may be deleted at any time.
"""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from raykd.storage.manifest import MANIFEST, agrees, files_of

_SETTLED_S = 3.0  # longer than the two seconds of the coarsest file system
_OLD_S = 30 * 24 * 3600.0  # of a mark that nobody needs any more


def is_whole(folder: Path) -> bool:
    """Whether a folder is a finished artefact: its files have the sums of its manifest, as was seen here or before."""
    if (state := _state(folder)) is None:
        return False
    if (marks := _marks()) is None:
        return agrees(folder)
    mark = marks / state
    with _alone(marks / f"{hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:32]}.lock"):
        if _is_mine(mark):
            return True
        begun = time.time()
        if not agrees(folder):
            return False
        if _state(folder) == state and _newest(folder) < begun - _SETTLED_S:
            with contextlib.suppress(OSError):  # a full disk is no reason to end a training
                mark.touch()
                _clear(marks)
    return True


def _state(folder: Path) -> str | None:
    """What a mark is called; None where there is no manifest, or a file of it is missing."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
        seen = [(name, _identity((folder / name).stat())) for name in (MANIFEST, *files_of(manifest))]
    except (OSError, ValueError):
        return None
    told = [str(folder.absolute()), hashlib.sha256(manifest).hexdigest(), seen]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _identity(seen: os.stat_result) -> list[int]:
    return [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_dev]


def _newest(folder: Path) -> float:
    """When the last of the files was changed, in seconds since 1970."""
    names = files_of((folder / MANIFEST).read_bytes())
    return max(max(seen.st_mtime, seen.st_ctime) for seen in ((folder / name).stat() for name in (MANIFEST, *names)))


def _marks() -> Path | None:
    """The folder of this user's marks, on a disk of this machine; None where there can be none that is safe."""
    folder = Path(tempfile.gettempdir()) / f"raykd-verified-{os.geteuid()}"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        seen = folder.lstat()  # of a link itself, which anybody may have made
    except OSError:
        return None
    is_safe = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not stat.S_IMODE(seen.st_mode) & 0o077
    return folder if is_safe else None


def _is_mine(mark: Path) -> bool:
    try:
        seen = mark.lstat()
        os.utime(mark, follow_symlinks=False)  # when it was last of use
    except OSError:
        return False
    return stat.S_ISREG(seen.st_mode) and seen.st_uid == os.geteuid()


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Waits for whoever on this machine reads the same files right now; goes on without where that cannot be."""
    held = FileLock(lock)
    try:
        held.acquire()
    except OSError:
        yield
        return
    try:
        yield
    finally:
        held.release()


def _clear(marks: Path) -> None:
    for mark in marks.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if mark.stat().st_mtime < time.time() - _OLD_S:
                mark.unlink()
