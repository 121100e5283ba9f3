"""PartialArtifact work on machines with a folder of their own: another machine goes on from what one has pushed.

Each machine pushes to a place of its own, so that two that make the same at a time never mix their files. Whoever
takes up the work copies the place that was pushed to last, and goes on from there under a name of its own.
"""

import contextlib
import shutil
import uuid
from pathlib import Path

from raykd.storage.atomic import working_folder
from raykd.storage.mirror import Mirror
from raykd.storage.partial import PartialArtifact
from raykd.storage.sync import Uploader

_PLACES = "[0-9][0-9][0-9][0-9]-*"


class SyncedPartialArtifact(PartialArtifact):
    """See the file's docstring.

    Args:
        state: the file that is written last whenever there is more to go on from.
    """

    def __init__(self, mirror: Mirror, folder: Path, state: str):
        super().__init__(folder)
        self._mirror, self._state = mirror, state
        self._outbox: Uploader | None = None

    def take_up(self) -> Path:
        places = self._mirror.names(self._folder, f"{_PLACES}/{self._state}")
        newest = max(places, key=lambda name: (places[name].mtime_ns or 0, name), default="").split("/")[0]
        here = {place.name for place in self._folder.glob(_PLACES)}
        if newest and newest not in here:
            own = self._copied(newest)
        else:
            own = self._folder / (newest or next(iter(here), _after("0")))
        for place in self._folder.glob("*"):
            if place != own:
                shutil.rmtree(place)
        own.mkdir(parents=True, exist_ok=True)
        self._outbox = Uploader(self._mirror, (own, "*"))
        return own

    def keep(self) -> None:
        assert self._outbox is not None, "taken up before"
        self._outbox.push()

    def remove(self) -> None:
        if self._outbox is not None:  # nobody but who has finished it looks at the storage
            for name in self._mirror.names(self._folder):
                self._mirror.delete(self._folder / name)
        super().remove()

    def _copied(self, other: str) -> Path:
        """A place of this machine's own with what another machine has pushed; empty if that has just been removed."""
        own, names = self._folder / _after(other), self._mirror.names(self._folder / other)
        with contextlib.suppress(LookupError), working_folder(own) as working:
            for name in sorted(names, key=lambda name: name != self._state):  # the rest may only be newer than it
                self._mirror.fetch(self._folder / other / name, working / name)
            working.rename(own)
        return own


def _after(place: str) -> str:
    """A name that no other place has, for work that goes on from a place; a store's times are whole seconds."""
    return f"{int(place.split('-')[0]) + 1:04d}-{uuid.uuid4().hex}"
