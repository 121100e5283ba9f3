"""What a long making has so far, kept so that the next process goes on from it."""

import shutil
from pathlib import Path


class PartialArtifact:
    """A folder that outlives the process which fills it; used by one process at a time, under the artefact's lock.

    Args:
        folder: named by what is made there.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def take_up(self) -> Path:
        """The folder, with what a process before this one has left there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def keep(self) -> None:
        """Called when there is more in the folder to go on from: it is kept now, whatever happens to this machine."""

    def remove(self) -> None:
        """Called when it is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)
