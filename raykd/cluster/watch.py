"""Tells a `Progress` what Tune hears of its trials."""

import math
from typing import Any, ClassVar

from ray.tune import Callback
from ray.tune.experiment import Trial

from raykd.cluster.slot import METRIC
from raykd.cluster.trials import Trials
from raykd.progress import Progress


class Watch(Callback):
    """Tune saves its callbacks and brings them back when a search is resumed; the progress of the process is found anew."""

    progress: ClassVar[Progress | None] = None

    def __init__(self, trials: Trials):
        self._trials = trials

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if self.progress is not None:
            self.progress.epoch()

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if self.progress is not None:
            last = trial.last_result
            value = last[METRIC] if last.get("finished") and not last["error"] else None
            self.progress.trial(self._trials.name(trial.config), summary(last), value, failed=bool(last["error"]))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if self.progress is not None:
            self.progress.trial(self._trials.name(trial.config), "its slot died again and again", None, failed=True)


def summary(result: dict[str, Any]) -> str:
    """A trial's last result in a few words."""
    if result.get("error"):
        return f"failed, {result['error']}"
    value, epoch = result.get(METRIC, math.nan), result.get("epoch", 0)
    if result.get("diverged"):
        return f"diverged in epoch {epoch}"
    return f"{METRIC} {value:.4f} after {epoch} epochs{'' if result.get('finished') else ', stopped'}"
