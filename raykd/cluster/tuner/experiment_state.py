"""The state of a search that Tune goes on from, whenever a driver dies and whatever the clock says.

Tune saves a search each second in a file that it names after the local time at which the driver began, and goes on from
the name that comes last. So it would go on from an old state, and try anew what has ended since, where a search is
resumed twice after its clock went back: set right, at the end of summer time, or on a machine of another time zone. And
it writes over that file where it lies: a driver killed in that moment leaves half of a state, and none at all.

So each state is kept once more in a folder of the search, written under another name and renamed, and is what the
search goes on from. An object store shows a file only when it is whole: there Tune's newest is gone on from. Either is
given a name that comes before every year.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from raykd.storage.layout import TUNE_STATE
from raykd.storage.storage import Storage

_STATE, _TYPE = "experiment_state-", ".json"
_FIRST = f"{_STATE}0000{_TYPE}"


@dataclass(frozen=True)
class ExperimentState:
    """The states of one search.

    Args:
        folder: of the search.
        tune: Tune's own in it.
        storage: that they lie in; of an object store, the only place where Tune's own folder is.
    """

    folder: Path
    tune: str
    storage: Storage

    def keep(self, gathered: Path, session: str) -> None:
        """Keeps the state that Tune has just written, whole or not at all.

        Args:
            gathered: where the driver gathers its files.
            session: that Tune names its state after.
        """
        with suppress(OSError):  # a full disk, a storage that is away: tried again at the next save
            self.storage.back_up(gathered / f"{_STATE}{session}{_TYPE}", self.folder / TUNE_STATE)

    def put_first(self) -> bool:
        """Lets Tune find the newest state alone; may be cut off anywhere, and be repeated.

        To be called where no driver is at work.

        Returns:
            Whether there is any.
        """
        there = self.folder / self.tune
        states = sorted(name for name in self.storage.inside(there) if name.startswith(_STATE))
        if (kept := self.storage.read(self.folder / TUNE_STATE)) is not None:
            self.storage.write(there / _FIRST, kept)
            self._remove(set(states) - {_FIRST})  # after it: cut off in between, the kept one is copied once more
            return True
        if not states:
            return False
        # The older ones first: cut off here, the newest is the only one, and is found by the name that Tune gave it.
        self._remove(states[:-1])
        if states[-1] != _FIRST:
            self._rename(there / states[-1], there / _FIRST)
        return True

    @staticmethod
    def drop_others(gathered: Path) -> None:
        """Removes what an earlier driver has left of its states where Tune has just copied the one to go on from.

        Args:
            gathered: where the driver gathers its files; Ray keeps it as long as it runs, and Tune would store them
                again.
        """
        if (gathered / _FIRST).exists():
            for file in gathered.glob(f"{_STATE}*"):
                if file.name != _FIRST:
                    file.unlink(missing_ok=True)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self.storage.delete(self.folder / self.tune / name)

    def _rename(self, old: Path, new: Path) -> None:
        if (content := self.storage.read(old)) is not None:
            self.storage.write(new, content)
            self.storage.delete(old)
