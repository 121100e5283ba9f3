"""Who may write in a trial's folder: the group of workers that has taken the trial up last.

A machine that stands still or is cut off for a minute counts as lost, and its trials go on elsewhere. When it wakes
up it may still end the epoch that it was in, and must not write that over what has been written since.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from raykd.errors import OwnershipLostError
from raykd.storage.atomic import write_text
from raykd.storage.mirror import Mirror
from raykd.storage.retry import retry_while_unavailable

E = TypeVar("E")
_FILE = ".owner"


class Ownership:
    """Takes a trial up; who had it before writes no further epoch.

    Args:
        folder: of the trial.
        mirror: of the storage, where each machine has a folder of its own.
    """

    def __init__(self, folder: Path, mirror: Mirror | None = None):
        self._file, self._mirror, self._mark = folder / _FILE, mirror, uuid.uuid4().hex
        self._write()

    def guarded(self, epochs: Iterator[E]) -> Iterator[E]:
        """Hands epochs on, each right before it is written down.

        Raises:
            OwnershipLostError: another has taken the trial up since.
        """
        for epoch in epochs:
            if self._read() != self._mark:
                raise OwnershipLostError(
                    f"{self._file.parent.name} is trained by other workers since these seemed lost"
                )
            yield epoch

    def _write(self) -> None:
        if self._mirror is not None:  # which is patient itself
            self._mirror.write(self._file, self._mark.encode())
            return
        retry_while_unavailable(lambda: self._file.parent.parent.mkdir(exist_ok=True))
        retry_while_unavailable(lambda: write_text(self._file, self._mark))

    def _read(self) -> str:
        if self._mirror is not None:
            return (self._mirror.read(self._file) or b"").decode()
        return retry_while_unavailable(self._file.read_text)
