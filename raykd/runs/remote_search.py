"""A storage made ready for a search or a run, and kept in step with a search's folder while its driver works there.

Where machines have a folder each (`raykd.storage.synced`), the driver's own is what others see of the search: it
pushes what it writes (the state that `raykd status` shows, the table, the winner), pulls the TensorBoard files that
workers elsewhere have pushed, looks whether the search is asked to stop, and leaves a heartbeat.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from raykd.errors import MissingError, nearest
from raykd.runs import heartbeat
from raykd.runs.status import ask_to_stop
from raykd.storage.layout import (
    BOARD,
    BOARD_OF_SEARCH,
    BOARD_OF_TEACHER,
    CONFIRMATION_BOARD,
    EPOCHS,
    HEARTBEAT,
    LEDGER,
    RECIPE,
    SEARCH,
    STOP,
    TRIALS,
    check_name,
)
from raykd.storage.opening import open_storage
from raykd.storage.storage import Follower, Storage
from raykd.storage.sync import Uploader

_EVERY_S = 2.0


def prepare_storage(storage: str | os.PathLike[str], name: str | None, *, resume: bool, writes: bool = True) -> Storage:
    """A storage, found usable; what is there of the search to go on with is on this machine.

    Raises:
        ValueError, FileNotFoundError, PermissionError, ConnectionError, RuntimeError: one line on what is wrong.
    """
    opened = open_storage(storage).absolute()
    if name is not None and not resume:
        check_name(name)
    opened.check(writes=writes)
    if resume and name is not None:
        heartbeat.refuse_running(opened, opened.root / name)
    if resume:
        bring(opened, name)
    return opened


def prepare_storage_for_run(storage: str | os.PathLike[str], name: str | None, *, resume: bool) -> Storage:
    """As `prepare_storage`, for a single run."""
    opened = open_storage(storage).absolute()
    if name is not None:
        check_name(name)
    opened.check(writes=True)
    for there in opened.inside(opened.root) if resume else ():
        if name in (None, there) and opened.read(opened.root / there / RECIPE) is not None:
            opened.pull(opened.root / there)
    return opened


def bring(storage: Storage, name: str | None = None) -> None:
    """Copies searches to this machine, all but their checkpoints.

    Args:
        name: of the search; None for all that there are.

    Raises:
        FileNotFoundError: there is none of that name, with those that there are.
    """
    there = storage.inside(storage.root)
    searches = [entry for entry in there if storage.read(storage.root / entry / SEARCH) is not None]
    if name is not None and name not in searches:
        raise MissingError(f"no search {name!r} in {storage.shown(storage.root)} to resume; {nearest(name, searches)}")
    for entry in searches:
        if name in (None, entry):
            bring_search(storage, storage.root / entry)


def bring_search(storage: Storage, folder: Path) -> None:
    """Copies a search to this machine, all but its checkpoints."""
    storage.pull_files(folder)
    storage.pull_grown(folder / LEDGER)
    bring_trials(storage, folder)


def bring_trials(storage: Storage, folder: Path) -> None:
    """Copies what is known of a search's trials to this machine, but for their checkpoints."""
    for file in (EPOCHS, RECIPE):
        storage.pull_grown(folder / TRIALS, f"*/{file}")
    bring_boards(storage, (folder / BOARD, folder / CONFIRMATION_BOARD))


def bring_boards(storage: Storage, folders: Iterable[Path]) -> None:
    """Copies what is new in folders of TensorBoard's runs to this machine."""
    for folder in folders:
        storage.pull_grown(folder)


@contextlib.contextmanager
def look_at(typed: str) -> Iterator[Storage]:
    """What a user has typed, a storage or one search, to look at for as long as the context lasts.

    Raises:
        ValueError, FileNotFoundError, PermissionError, ConnectionError: one line on what is wrong.
    """
    with open_storage(typed).set_apart() as storage:
        storage.check(writes=False)
        if storage.read(storage.root / SEARCH) is None:
            bring(storage)
        else:
            bring_search(storage, storage.root)
        yield storage


def keep_in_step(folder: Path, storage: Storage) -> AbstractContextManager[None]:
    """Keeps a storage in step with a search's folder for as long as the context lasts; see the file's docstring.

    Raises:
        RuntimeError: the search runs on another machine.
    """
    boards = ((folder / board, "*") for board in (BOARD_OF_SEARCH, BOARD_OF_TEACHER))
    uploader = storage.uploader((folder, "*"), (folder / LEDGER, "*"), *boards)
    return storage.in_step(_SearchFollower(folder, uploader), _EVERY_S)


class _SearchFollower(Follower):
    """What a search's driver tells other machines, and hears from them."""

    def __init__(self, folder: Path, uploader: Uploader):
        self._folder, self._uploader, self._beaten = folder, uploader, time.monotonic()

    def begin(self, storage: Storage) -> None:
        heartbeat.refuse_running(storage, self._folder)
        storage.delete(self._folder / STOP)
        heartbeat.beat(storage, self._folder)
        self._uploader.push()

    def step(self, storage: Storage) -> None:
        self._uploader.push(wait=False)
        if storage.has(self._folder / STOP):
            ask_to_stop(self._folder)
        if time.monotonic() - self._beaten >= heartbeat.EVERY_S:
            heartbeat.beat(storage, self._folder)
            self._beaten = time.monotonic()
            bring_boards(storage, (self._folder / BOARD, self._folder / CONFIRMATION_BOARD))

    def end(self, storage: Storage) -> None:
        self._uploader.push()
        storage.delete(self._folder / HEARTBEAT)
        if not (self._folder / BOARD).exists() and not storage.has(self._folder / BOARD):
            storage.forget(self._folder)  # it was refused before its work began
