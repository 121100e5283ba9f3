"""Optuna's journal in a file, which others may read and write at once (`optuna-dashboard`, `optuna.load_study`).

It is written as Optuna's own `JournalFileBackend` writes it, but for three things: a full disk leaves no half of a
line, which nobody could read past; a storage that is away is waited for; and nothing is flushed to the disk line by
line, as a search can write again what a power failure has taken.
"""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileOpenLock

from raykd.errors import FailureError
from raykd.storage.atomic import append, no_link
from raykd.storage.retry import retry_while_unavailable

_STALE_S = 10  # a lock lasts a millisecond: after so long whoever held it is dead


class JournalFile(BaseJournalBackend):
    """What Optuna's `JournalStorage` reads and writes.

    Args:
        file: made where it is missing; half a line at its end, of a machine that lost its power, is taken out.
    """

    def __init__(self, file: Path):
        self._file = file
        self._lock = JournalFileOpenLock(str(file), grace_period=_STALE_S)
        _repair(file)
        self._reader = JournalFileBackend(str(file), lock_obj=self._lock)
        self._size = 0  # bytes that were there when it was last written to

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return retry_while_unavailable(lambda: list(self._reader.read_logs(log_number_from)))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Appends lines, all of them or none.

        Raises:
            RuntimeError: the file is another one than it was.
        """
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        retry_while_unavailable(lambda: self._append(lines))

    def _append(self, lines: bytes) -> None:
        self._lock.acquire()
        try:
            if self._file.stat().st_size < self._size:
                raise FailureError(f"{self._file} has been replaced while it was written to")
            append(self._file, lines)
            self._size = self._file.stat().st_size
        finally:
            with contextlib.suppress(RuntimeError):  # somebody has taken the lock for one of a dead process
                self._lock.release()


def _repair(file: Path) -> None:
    if not file.exists():
        return
    content = file.read_bytes()
    if content and not content.endswith(b"\n"):
        with open(file, "r+b", opener=no_link) as opened:
            opened.truncate(content.rfind(b"\n") + 1)
