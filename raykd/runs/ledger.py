"""What a search has done, a line for each thing, in the order in which it was done: all that it goes on from.

The files `.raykd/ledger/NNNNNN.jsonl` have one JSON object a line:

    {"known": VALUES, "state": ..., "accuracy": A, "epoch": N}    a trial of an earlier search, for the sampler
    {"begin": TRIAL, "config": {...}, "drawn": [VALUES, ...]}     a trial; what was drawn before it, and was known
    {"epoch": N, "of": TRIAL, "accuracy": A}                      an epoch after which it went on
    {"end": TRIAL, "kind": ..., "accuracy": A, "epochs": N,       as in `TrialOutcome`
     "again": false}                                              true: to be tried anew by the next driver
    {"behind": TRIAL}                                             a finalist that gets no more seeds

Lines are only appended, so that a trial costs the same after ten thousand others. A file ends after 256 KiB, as an
object store is given whole ones, and each driver begins its own: half a line, of a driver or a machine that died, is
the last of its file, and is skipped. What is known of an earlier search is a file of its own, there whole or not at
all.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from raykd.errors import InvalidError
from raykd.protocols.outcome import TrialOutcome
from raykd.storage.atomic import append, write_text
from raykd.storage.layout import LEDGER

_MOST_BYTES = 2**18
_SYNC_EVERY_S = 1.0
_EPOCHS_WAIT_S = 0.5  # on a file system over a network each writing takes milliseconds


class Ledger:
    """The lines that a driver adds.

    Epochs wait half a second for other lines; what a trial is begun or ended by is written at once. On a full disk
    lines are kept, and tried again with the next ones.

    Args:
        folder: of the search.
    """

    def __init__(self, folder: Path):
        self._folder = folder / LEDGER
        self._number = max((int(file.stem) for file in _files(folder)), default=0) + 1
        self._pending, self._size = list[bytes](), 0
        self._written = self._synced = float("-inf")

    def begin(self, known: Iterable[Mapping[str, Any]]) -> None:
        """Writes what a new search knows of an earlier one, before all else.

        Raises:
            OSError: it cannot be written.
        """
        if lines := [_line(entry) for entry in known]:
            self._make_folder()
            write_text(self._file(), "".join(lines))
            self._number += 1

    def add(self, *, at_once: bool = True, **entry: Any) -> None:
        """Adds a line; what is not to be written at once waits for `flush`."""
        self._pending.append(_line(entry).encode())
        if at_once:
            self._write()

    def flush(self) -> None:
        """Writes what has waited for half a second."""
        if self._pending and time.monotonic() - self._written >= _EPOCHS_WAIT_S:
            self._write()

    def close(self) -> None:
        """Writes all that is left.

        Raises:
            OSError: it cannot be written.
        """
        self._append()

    def _write(self) -> None:
        self._written = time.monotonic()
        with contextlib.suppress(OSError):  # a full disk, a storage that is away: tried again
            self._append()

    def _append(self) -> None:
        lines = b"".join(self._pending)
        if not lines:
            return
        if self._size > _MOST_BYTES:
            self._number, self._size = self._number + 1, 0
        file = self._file()
        self._make_folder()
        append(file, lines)
        self._pending.clear()
        self._size += len(lines)
        if time.monotonic() - self._synced >= _SYNC_EVERY_S:
            self._synced = time.monotonic()
            with file.open("rb") as written:
                os.fsync(written.fileno())

    def _file(self) -> Path:
        return self._folder / f"{self._number:06d}.jsonl"

    def _make_folder(self) -> None:
        for folder in (self._folder.parent, self._folder):  # not the search's own: a storage that is away stays so
            folder.mkdir(exist_ok=True)


def read_ledger(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a search, in their order.

    Raises:
        ValueError: one is no JSON object, and not the half of one that its driver left.
    """
    for file, line in _lines(folder):
        yield _entry(file, line)


def read_ends(folder: Path) -> dict[str, TrialOutcome] | None:
    """How the trials of a search have ended, by name, in the order of their ends; None where it has no ledger.

    Raises:
        ValueError: as `read_ledger`, of the ends alone.
    """
    if not (folder / LEDGER).is_dir():
        return None
    found = dict[str, TrialOutcome]()
    for file, line in _lines(folder):
        if line.startswith(b'{"end":'):
            entry = _entry(file, line)
            found.pop(entry["end"], None)  # it had failed, and was tried again
            found[entry["end"]] = outcome_in(entry)
    return found


def outcome_in(entry: Mapping[str, Any]) -> TrialOutcome:
    """How the trial has ended that a line says the end of.

    Raises:
        ValueError: it says something else.
    """
    match entry:
        case {"kind": str(kind), "accuracy": float() | None as accuracy, "epochs": int(epochs)}:
            return TrialOutcome(kind=kind, accuracy=accuracy, epochs=epochs)
        case _:
            raise InvalidError(f"the search's ledger has an end of a trial that is none: {_line(entry)[:80].strip()}")


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":")) + "\n"


def _files(folder: Path) -> list[Path]:
    return sorted((folder / LEDGER).glob("[0-9]" * 6 + ".jsonl"))


def _lines(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for file in _files(folder):
        whole, _, _ = file.read_bytes().rpartition(b"\n")
        yield from ((file, line) for line in whole.split(b"\n") if whole)


def _entry(file: Path, line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise InvalidError(f"{file} has a line that is no JSON object: {line[:40]!r}; take it out to go on")
    return entry
