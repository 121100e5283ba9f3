"""Tells a `Progress` what Tune hears of its trials."""

import math
from typing import Any, ClassVar

from ray.tune import Callback
from ray.tune.experiment import Trial

from raykd.cluster.slot import METRIC
from raykd.cluster.trials import Trials
from raykd.progress import Progress


class Watch(Callback):
    """Tune saves its callbacks and brings them back in a resumed search; what is this process's own is the class's."""

    progress: ClassVar[Progress | None] = None
    ended: ClassVar[dict[str, float | None]]

    def __init__(self, trials: Trials):
        self._trials = trials

    @classmethod
    def begin(cls, progress: Progress) -> None:
        """Reports to a progress from now on, and forgets the trials of the search before."""
        cls.progress, cls.ended = progress, {}

    def get_state(self) -> dict[str, Any]:
        """The trials that have ended, saved by Tune with its own state: Ctrl-C leaves others that look the same."""
        return {"ended": self.ended}

    def set_state(self, state: dict[str, Any]) -> None:
        self.ended.update(state["ended"])
        if self.progress is not None:
            self.progress.resume(self.ended)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if self.progress is not None:
            self.progress.epoch()

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if self.progress is not None:
            last, name = trial.last_result, self._trials.name(trial.config)
            value = last[METRIC] if last.get("finished") and not last["error"] else None
            self.ended[name] = value
            self.progress.trial(name, summary(last), value, failed=bool(last["error"]))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if self.progress is not None:
            name = self._trials.name(trial.config)
            self.ended[name] = None
            self.progress.trial(name, "its slot died again and again", None, failed=True)


def summary(result: dict[str, Any]) -> str:
    """A trial's last result in a few words."""
    if result.get("error"):
        return f"failed, {result['error']}"
    value, epoch = result.get(METRIC, math.nan), result.get("epoch", 0)
    if result.get("diverged"):
        return f"diverged in epoch {epoch}"
    return f"{METRIC} {value:.4f} after {epoch} epochs{'' if result.get('finished') else ', stopped'}"
