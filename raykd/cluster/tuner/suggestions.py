"""What Tune asks for its next trial: as many as the driver wants now, however many a search was started with."""

import sys
from pathlib import Path
from typing import Any, ClassVar

from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.search_generator import SearchGenerator

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.experiment_state import ExperimentState
from raykd.errors import FailureError

_ANY_NUMBER = sys.maxsize
_FOLDER = "errors"  # one for all trials, each of which would get one that Tune then copies whenever it saves


class TrialGenerator(SearchGenerator):
    """The trials of a search, at most `slots` at a time, until it says that it has no more.

    Tune saves the wanted number with the search and brings it back when the search is resumed. Here that number is
    beyond any search's, and `ConfirmingSearch` knows what the driver wants; the slots are set by `begin` before each
    start: so a search can be given more trials, or other slots. What is known of the search is saved with its trials
    (`ProgressCallback.go_on`), not in files of Tune's searchers.
    """

    is_over: ClassVar[bool] = False  # all that is wanted was given out
    slots: ClassVar[int] = 1
    states: ClassVar[ExperimentState | None] = None
    resuming: ClassVar[bool] = False

    def __init__(self, search: ConfirmingSearch):
        super().__init__(ConcurrencyLimiter(search, max_concurrent=self.slots))

    @classmethod
    def begin(cls, slots: int, states: ExperimentState | None = None, resuming: bool = False) -> None:
        """Sets what is wanted from now on.

        Args:
            slots: trials at a time.
            states: where the search is saved; None for nowhere.
            resuming: whether there is a state to go on from.
        """
        cls.is_over, cls.slots, cls.states, cls.resuming = False, slots, states, resuming

    def add_configurations(self, experiments: Any) -> None:
        """Begins a new search, as Tune also would where it cannot read the state of the old one.

        Raises:
            RuntimeError: it could not.
        """
        if self.resuming:
            raise FailureError("Tune cannot go on from the state that it saved; why, it says in ray.log")
        super().add_configurations(experiments)
        self.set_state(self.get_state() | {"total_samples": _ANY_NUMBER})

    def to_save(self) -> dict[str, Any]:
        limiter = self._limiter
        return {"generator": self.get_state(), "limiter": limiter.get_state(), "search": limiter.searcher.get_state()}

    def go_on(self, saved: dict[str, Any]) -> None:
        """Takes up what another has saved, with what is wanted now."""
        self.set_state(saved["generator"] | {"finished": False})
        self._limiter.set_state(saved["limiter"])
        self._limiter.searcher.set_state(saved["search"])
        self._limiter.set_max_concurrency(self.slots)

    @property
    def _limiter(self) -> Any:
        return self.searcher

    def save_to_dir(self, dirpath: str, session_str: str) -> None:
        """Called by Tune when it has written its state, which holds all of this too, where it gathers its files."""
        if self.states is not None:
            self.states.keep(Path(dirpath), session_str)

    def has_checkpoint(self, dirpath: str) -> bool:
        return True

    def restore_from_dir(self, dirpath: str) -> None:
        """Called by Tune when it has copied the state that it goes on from to where it gathers its files."""
        ExperimentState.drop_others(Path(dirpath))

    def next_trial(self) -> Any:
        if ProgressCallback.stopping:
            return None
        trial = super().next_trial()
        type(self).is_over = self.is_finished()
        if trial is None:
            return None
        # Before Tune gives it a name of its own, which it does for each trial that has none when it starts it.
        storage: Any = trial.storage
        trial.relative_logdir = storage.trial_dir_name = _FOLDER
        return trial
