"""What Tune asks for its next trial: as many as the driver wants now, however many a search was started with."""

import sys
from typing import Any, ClassVar

from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.search_generator import SearchGenerator

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.confirming import ConfirmingSearch

_ANY_NUMBER = sys.maxsize
_FOLDER = "errors"  # one for all trials, each of which would get one that Tune then copies whenever it saves


class TrialGenerator(SearchGenerator):
    """The trials of a search, at most `slots` at a time, until it says that it has no more.

    How many trials are wanted Tune need not know, as `ConfirmingSearch` does. Nor does it save anything of them: what a
    search goes on from is its ledger.
    """

    is_over: ClassVar[bool] = False  # all that is wanted was given out

    def __init__(self, search: ConfirmingSearch, slots: int):
        super().__init__(ConcurrencyLimiter(search, max_concurrent=slots))
        type(self).is_over = False

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune writes a new search into a file that nobody reads

    def add_configurations(self, experiments: Any) -> None:
        super().add_configurations(experiments)
        self.set_state(self.get_state() | {"total_samples": _ANY_NUMBER})

    def save_to_dir(self, dirpath: str, session_str: str) -> None:
        """Called by Tune when it has written its own state."""

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
