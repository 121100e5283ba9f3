"""What Tune asks for its next trial: as many as the driver wants now, however many a search was started with."""

from pathlib import Path
from typing import Any, ClassVar

from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.search_generator import SearchGenerator

from raykd.cluster.searcher import StudySearch
from raykd.cluster.states import drop_others
from raykd.cluster.watch import Watch

_FOLDER = "errors"  # one for all trials, each of which would get one that Tune then copies whenever it saves


class Suggestions(SearchGenerator):
    """The trials of a search, at most `slots` at a time.

    Tune saves the wanted number with the search and brings it back when the search is resumed. Here both numbers
    are the driver's, set by `begin` before each start: so a search can be given more trials, or other slots.
    """

    total: ClassVar[int] = 0
    slots: ClassVar[int] = 1

    def __init__(self, search: StudySearch):
        super().__init__(ConcurrencyLimiter(search, max_concurrent=self.slots))

    @classmethod
    def begin(cls, total: int, slots: int) -> None:
        """Sets what is wanted from now on: trials with the baselines counted in, and trials at a time."""
        cls.total, cls.slots = total, slots

    def add_configurations(self, experiments: Any) -> None:
        super().add_configurations(experiments)
        self._total_samples = self.total

    def restore_from_dir(self, dirpath: str) -> None:
        drop_others(Path(dirpath))
        super().restore_from_dir(dirpath)
        self._total_samples, self._finished = self.total, False
        self.searcher.set_max_concurrency(self.slots)

    def next_trial(self) -> Any:
        if Watch.stopping or (trial := super().next_trial()) is None:
            return None
        storage: Any = trial.storage
        trial.relative_logdir = storage.trial_dir_name = _FOLDER
        return trial
