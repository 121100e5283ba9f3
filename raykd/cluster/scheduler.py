"""ASHA over epochs, which lets the baselines run to their end."""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler

from raykd.cluster.slot import METRIC
from raykd.study import Study


class Rungs(AsyncHyperBandScheduler):
    """Stops a trial at a rung (an epoch `grace * reduction**k`) where too many others did better.

    Time is the epoch's number: Tune's own count begins anew when a trial is started again.
    """

    def __init__(self, study: Study):
        super().__init__(
            time_attr="epoch",
            metric=METRIC,
            mode="max",
            max_t=study.recipe.epochs,
            grace_period=min(study.grace, study.recipe.epochs),
            reduction_factor=study.reduction,
        )

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        if "baseline" in trial.config or result["finished"]:
            return self.CONTINUE
        return super().on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if "baseline" not in trial.config and not result.get("error"):
            super().on_trial_complete(tune_controller, trial, result)
