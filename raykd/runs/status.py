"""What a search and other processes tell each other through its folder, without Ray and without PyTorch.

* `status.json` is what the search has last written of itself, atomically; which trials have ended its ledger says.
* `.raykd/running.lock` is locked as long as its process lives, so that a killed search looks like one, from other
  machines too where the file system has locks.
* `.raykd/stop` is made by whoever wants the search to end after its running epochs; the next start takes it away.
"""

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from raykd.errors import FailureError
from raykd.protocols.event import (
    STOPPING,
    Doing,
    Event,
    SearchEnded,
    SearchStopping,
    TotalChanged,
    TrialBegan,
    TrialEnded,
    TrialInterrupted,
)
from raykd.protocols.outcome import TrialOutcome, is_comparable
from raykd.runs.ledger import read_ends
from raykd.signals import SearchInterrupted
from raykd.storage.atomic import no_link, write_text
from raykd.storage.layout import LOCK, STOP

_STATE = "status.json"
_EVERY_S = 1.0
_CONTENTION = (errno.EACCES, errno.EAGAIN)


@dataclass(frozen=True, kw_only=True)
class SearchStatus:
    """How far a search is.

    Args:
        host, pid: of the process that writes this.
        total: trials that it wants, baselines and confirmation included.
        doing: what goes on where no trial runs, such as `teacher: epoch 3 of 9`.
        running: names of the trials that train.
        ended: by name, in the order of their ends.
    """

    host: str
    pid: int
    total: int
    doing: str = ""
    running: tuple[str, ...] = ()
    ended: Mapping[str, TrialOutcome] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return sum(ended.kind == "failed" for ended in self.ended.values())

    @property
    def best(self) -> tuple[str, float] | None:
        """The name and the accuracy of the best trial or baseline that ran to its end."""
        found = {name: end.accuracy or 0.0 for name, end in self.ended.items() if is_comparable(name, end)}
        return max(found.items(), key=lambda item: item[1], default=None)


def read_status(folder: Path) -> SearchStatus | None:
    """What a search has last written; None before it has written anything."""
    try:
        entries: dict[str, Any] = json.loads((folder / _STATE).read_text())
    except FileNotFoundError:
        return None
    ended = read_ends(folder)
    if ended is None:  # an old format's, or one whose ledger was deleted when it had ended
        ended = {name: TrialOutcome(**end) for name, end in entries.get("ended", {}).items()}
    return SearchStatus(**entries | {"running": tuple(entries["running"]), "ended": ended})


class StatusFile:
    """The search's side of `status.json`: a listener that writes it once a second at most.

    What changed sooner after a writing is held back until the next event or `flush`.
    """

    def __init__(self, folder: Path, total: int):
        self._file = folder / _STATE
        self._status = SearchStatus(host=os.uname().nodename, pid=os.getpid(), total=total)
        self._written: SearchStatus | None = None
        self._when = 0.0
        self.flush(at_once=True)

    def __call__(self, event: Event, /) -> None:
        match event:
            case Doing(text=text):
                had_trials = bool(self._status.running)  # nobody calls `flush` any more when they are gone
                self._change(doing=text, running=(), at_once=had_trials)
            case SearchStopping():
                self._change(doing=STOPPING)
            case TotalChanged(total=total):
                self._change(total=total)
            case TrialBegan(trial=name):
                self._change(doing="", running=(*self._others(name), name))
            case TrialInterrupted(trial=name):
                self._change(running=self._others(name))
            case TrialEnded(trial=name):
                self._change(running=self._others(name))
            case SearchEnded():
                ended = read_ends(self._file.parent) or {}  # once, for who deletes what it needed to go on
                self._change(doing="", running=(), ended=ended, at_once=True)
            case _:
                pass

    def flush(self, *, at_once: bool = False) -> None:
        """Writes what was held back, if that was a second ago."""
        if not (at_once or time.monotonic() - self._when >= _EVERY_S) or self._status == self._written:
            return
        ended = {name: vars(end) for name, end in self._status.ended.items()}
        text = json.dumps(vars(self._status) | {"ended": ended})  # indented, Python itself would write it
        with contextlib.suppress(OSError):  # a full disk must not end a search for the sake of its status
            write_text(self._file, text + "\n")
            self._written, self._when = self._status, time.monotonic()

    def _change(self, *, at_once: bool = False, **changes: Any) -> None:
        self._status = dataclasses.replace(self._status, **changes)
        self.flush(at_once=at_once)

    def _others(self, name: str) -> tuple[str, ...]:
        return tuple(other for other in self._status.running if other != name)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[None]:
    """Marks a search as running for as long as the context lasts, and forgets that it was to stop.

    Raises:
        RuntimeError: another process runs it.
    """
    (folder / LOCK).parent.mkdir(exist_ok=True)
    with open(folder / LOCK, "a", opener=no_link) as lock:
        if not _locked(lock, fcntl.LOCK_EX, timeout_s=2.0):  # somebody may look at it right now
            status = read_status(folder)
            who = f" (process {status.pid} on {status.host})" if status else ""
            raise FailureError(f"{folder} is running already{who}; to end it: raykd stop {folder}")
        (folder / STOP).unlink(missing_ok=True)
        yield


def is_running(folder: Path) -> bool:
    """Whether the process of a search lives."""
    try:
        with (folder / LOCK).open() as lock:  # shared: who may read the folder may look
            return not _locked(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def ask_to_stop(folder: Path) -> None:
    """Asks a search to end after its running epochs."""
    write_text(folder / STOP, "")


def is_asked_to_stop(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # the storage may be away for a while
        return (folder / STOP).exists()
    return False


def stop_if_asked(folder: Path) -> None:
    """Ends a search that trains no trial yet, where it was asked to stop.

    Raises:
        SearchInterrupted: it was.
    """
    if is_asked_to_stop(folder):
        raise SearchInterrupted(folder)


def _locked(file: IO[str], kind: int, timeout_s: float = 0.0) -> bool:
    """Locks a file until it is closed; a file system without locks says yes."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _CONTENTION:
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        else:
            return True
