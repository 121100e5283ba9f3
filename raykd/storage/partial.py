"""What a long making has so far, kept so that the next process goes on from it.

Where machines have a folder each, each pushes to a place of its own, so that two that make the same at a time never mix
their files. Whoever takes up the work copies the place that was pushed to last, and goes on from there under a name of
its own.
"""

import contextlib
import shutil
import uuid
from abc import ABC, abstractmethod
from pathlib import Path

from raykd.storage.atomic import working_folder
from raykd.storage.objects import Objects
from raykd.storage.sync import SyncedUploader

_PLACES = "[0-9][0-9][0-9][0-9]-*"


class PartialArtifact(ABC):
    """A folder that outlives the process which fills it; used by one process at a time, under the artefact's lock."""

    @abstractmethod
    def take_up(self) -> Path:
        """The folder, with what a process before this one has left there."""

    @abstractmethod
    def keep(self) -> None:
        """Called when there is more in the folder to go on from: it is kept now, whatever happens to this machine."""

    @abstractmethod
    def remove(self) -> None:
        """Called when it is finished."""


class LocalPartialArtifact(PartialArtifact):
    """One folder for all machines, in which whatever is written is kept.

    Args:
        folder: named by what is made there.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def take_up(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def keep(self) -> None:
        pass

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class SyncedPartialArtifact(PartialArtifact):
    """See the file's docstring.

    Args:
        folder: named by what is made there; the places lie in it.
        state: the file that is written last whenever there is more to go on from.
    """

    def __init__(self, objects: Objects, folder: Path, state: str):
        self._objects, self._folder, self._state = objects, folder, state
        self._uploader: SyncedUploader | None = None

    def take_up(self) -> Path:
        places = self._objects.names(self._folder, f"{_PLACES}/{self._state}")
        newest = max(places, key=lambda name: (places[name].time_ns, name), default="").split("/")[0]
        here = {place.name for place in self._folder.glob(_PLACES)}
        if newest and newest not in here:
            own = self._copied(newest)
        else:
            own = self._folder / (newest or next(iter(here), _after("0")))
        for place in self._folder.glob("*"):
            if place != own:
                shutil.rmtree(place)
        own.mkdir(parents=True, exist_ok=True)
        self._uploader = SyncedUploader(self._objects, (own, "*"))
        return own

    def keep(self) -> None:
        assert self._uploader is not None, "taken up before"
        self._uploader.push()

    def remove(self) -> None:
        if self._uploader is not None:  # nobody but who has finished it looks at the storage
            self._objects.forget(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _copied(self, other: str) -> Path:
        """A place of this machine's own with what another machine has pushed; empty if that has just been removed."""
        own, names = self._folder / _after(other), self._objects.names(self._folder / other)
        with contextlib.suppress(LookupError), working_folder(own) as working:
            for name in sorted(names, key=lambda name: name != self._state):  # the rest may only be newer than it
                self._objects.fetch(self._folder / other / name, working / name)
            working.rename(own)
        return own


def _after(place: str) -> str:
    """A name that no other place has, for work that goes on from a place; a store's times are whole seconds."""
    return f"{int(place.split('-')[0]) + 1:04d}-{uuid.uuid4().hex}"
