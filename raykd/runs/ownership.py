"""Who may write in a trial's folder: the group of workers that has taken the trial up last.

A machine that stands still or is cut off for a minute counts as lost, and its trials go on elsewhere. When it wakes
up it may still end the epoch that it was in, and must not write that over what has been written since.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from raykd.errors import OwnershipLostError
from raykd.storage.storage import Storage

E = TypeVar("E")
_FILE = ".owner"


class Ownership:
    """Takes a trial up; who had it before writes no further epoch.

    Args:
        folder: of the trial.
        storage: that the folder lies in.
    """

    def __init__(self, folder: Path, storage: Storage):
        self._file, self._storage, self._mark = folder / _FILE, storage, uuid.uuid4().hex.encode()
        storage.make_parent(folder)
        storage.write(self._file, self._mark)

    def guarded(self, epochs: Iterator[E]) -> Iterator[E]:
        """Hands epochs on, each right before it is written down.

        Raises:
            OwnershipLostError: another has taken the trial up since.
        """
        for epoch in epochs:
            if self._storage.read_back(self._file) != self._mark:
                raise OwnershipLostError(
                    f"{self._file.parent.name} is trained by other workers since these seemed lost"
                )
            yield epoch
