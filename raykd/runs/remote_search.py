"""A search whose storage is an object store, seen from its driver's machine (see `raykd.storage.mirror`).

The driver's folder and what the storage has of it are kept in step by a thread: it pushes what the driver writes (the
state that `raykd status` shows, the table, the winner), pulls the TensorBoard files that workers elsewhere have pushed,
looks whether the search is asked to stop, and leaves a heartbeat.
"""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from raykd.errors import AlreadyExistsError, InvalidError, MissingError, nearest
from raykd.runs import heartbeat
from raykd.runs.status import ask_to_stop
from raykd.storage.layout import BOARD, EPOCHS, HEARTBEAT, RECIPE, SEARCH, SIGNALS, STOP, TRIALS, check_name, is_plain
from raykd.storage.mirror import Mirror, locate_storage
from raykd.storage.sync import Uploader, copy, pull, pull_grown

_EVERY_S = 2.0


def prepare_storage(
    storage: str | os.PathLike[str], name: str | None, *, resume: bool, writes: bool = True
) -> tuple[Path, Mirror | None]:
    """Where a storage is worked on, and its mirror, found usable; what is there of the search to go on with is here.

    Raises:
        ValueError, FileNotFoundError, FileExistsError, PermissionError, ConnectionError: one line on what is wrong.
    """
    root, mirror = locate_storage(storage)
    if name is not None and not resume:
        check_name(name)
    if mirror is not None:
        mirror.check(writes=writes)
        if resume:
            if name is not None:
                heartbeat.refuse_running(mirror, root / name)
            bring(mirror, name)
        elif name is not None and mirror.inside(root / name):
            raise AlreadyExistsError(f"{mirror.at(root / name)} exists already; --resume it, or choose another name")
        elif name is not None and writes:
            shutil.rmtree(root / name, ignore_errors=True)  # what the storage has no more
    return root, mirror


def prepare_storage_for_run(
    storage: str | os.PathLike[str], name: str | None, *, resume: bool
) -> tuple[Path, Mirror | None]:
    """As `prepare_storage`, for a single run."""
    if not resume:
        return prepare_storage(storage, name, resume=False)
    root, mirror = locate_storage(storage)
    if mirror is not None:
        if name is not None:
            check_name(name)
        mirror.check(writes=True)
        for there in mirror.inside(root) if name is None else [name]:
            if mirror.read(root / there / RECIPE) is not None:
                pull(mirror, root / there)
    return root, mirror


def bring(mirror: Mirror, name: str | None = None) -> None:
    """Copies searches to this machine, all but their checkpoints.

    Args:
        name: of the search; None for all that there are.

    Raises:
        FileNotFoundError: there is none of that name, with those that there are.
    """
    there = {entry: mirror.read(mirror.root / entry / SEARCH) for entry in mirror.inside(mirror.root)}
    searches = [entry for entry, search in there.items() if search is not None and is_plain(entry)]
    if name is not None and name not in searches:
        raise MissingError(f"no search {name!r} in {mirror.uri} to resume; {nearest(name, searches)}")
    for folder in (mirror.root / entry for entry in searches if name in (None, entry)):
        for file, info in mirror.files(folder).items():
            if file not in SIGNALS:
                copy(mirror, folder / file, info)
        bring_trials(mirror, folder)


def bring_trials(mirror: Mirror, folder: Path) -> None:
    """Copies what is known of a search's trials to this machine, but for their checkpoints."""
    for file in (EPOCHS, RECIPE):
        pull_grown(mirror, folder / TRIALS, f"*/{file}")
    pull_grown(mirror, folder / BOARD)


def copy_to_look_at(uri: str, into: Path) -> tuple[Mirror, Path]:
    """Copies what there is to see of a storage, or of one search, into a folder, out of the way of what runs here.

    Returns:
        The mirror of the storage with that folder, and what the URI is there.

    Raises:
        ValueError, FileNotFoundError, PermissionError, ConnectionError: one line on what is wrong.
    """
    _, found = locate_storage(uri)
    if found is None:
        raise InvalidError(f"{uri} is a folder; give its path")
    mirror = Mirror(found.uri, into, timeout_s=0.0)
    mirror.check(writes=False)
    if mirror.read(into / SEARCH) is None:
        bring(mirror)
        return mirror, into
    parts = urlsplit(mirror.uri)
    above, _, name = parts.path.rpartition("/")
    mirror = replace(mirror, uri=urlunsplit(parts._replace(path=above)))
    bring(mirror, name)
    return mirror, into / name


@contextlib.contextmanager
def keep_in_step(folder: Path, mirror: Mirror | None) -> Iterator[None]:
    """Keeps the storage in step with a search's folder for as long as the context lasts; see the file's docstring.

    Raises:
        RuntimeError: the search runs on another machine.
    """
    if mirror is None:
        yield
        return
    heartbeat.refuse_running(mirror, folder)
    mirror.delete(folder / STOP)
    uploader, ended = Uploader(mirror, (folder, "*"), (folder / BOARD, "*")), threading.Event()
    heartbeat.beat(mirror, folder)
    uploader.push()
    thread = threading.Thread(target=_follow, args=(folder, uploader, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        uploader.push()
        mirror.delete(folder / HEARTBEAT)
        if not (folder / BOARD).exists() and not mirror.names(folder / BOARD):  # refused before its work began
            for name in mirror.names(folder):
                mirror.delete(folder / name)


def _follow(folder: Path, uploader: Uploader, ended: threading.Event) -> None:
    mirror, signed = uploader.mirror.without_waiting(), time.monotonic()
    while not ended.wait(_EVERY_S):
        with contextlib.suppress(OSError, LookupError):  # away for a while, or a file is: the next round tries again
            uploader.push(wait=False)
            if mirror.read(folder / STOP) is not None:
                ask_to_stop(folder)
            if time.monotonic() - signed >= heartbeat.EVERY_S:
                heartbeat.beat(mirror, folder)
                signed = time.monotonic()
                pull_grown(mirror, folder / BOARD)
