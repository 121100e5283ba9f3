"""ASHA over epochs, which lets the baselines run to their end."""

from typing import Any

from optuna.distributions import CategoricalDistribution, IntDistribution
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler

from raykd.cluster.slot import METRIC
from raykd.cluster.trials import Trials
from raykd.cluster.watch import Watch
from raykd.storage import TRIALS
from raykd.study import Study
from raykd.trial import read_epochs


class Rungs(AsyncHyperBandScheduler):
    """Stops a trial at a rung (an epoch `grace * reduction**k`) where too many others did better.

    Time is the epoch's number: Tune's own count begins anew when a trial is started again. Tune does not keep what a
    scheduler knows: when a search is resumed, the trials' own records tell it again.
    """

    def __init__(self, study: Study, trials: Trials):
        super().__init__(
            time_attr="epoch",
            metric=METRIC,
            mode="max",
            max_t=most_epochs(study),
            grace_period=min(study.grace, most_epochs(study)),
            reduction_factor=study.reduction,
        )
        self._trials = trials

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        super().on_trial_add(tune_controller, trial)
        if "baseline" not in trial.config:
            for epoch in read_epochs(self._trials.folder / TRIALS / self._trials.name(trial.config)):
                super().on_trial_result(tune_controller, trial, {"epoch": epoch["number"], METRIC: epoch[METRIC]})

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The first that waits, looked for among those that have not ended; Tune's own looks through all trials."""
        live = sorted(tune_controller.get_live_trials(), key=lambda trial: trial.trial_id)
        return next((trial for trial in live if trial.status == Trial.PENDING), None)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        decision = self.CONTINUE
        if "baseline" not in trial.config and not result["finished"]:
            decision = super().on_trial_result(tune_controller, trial, result)
        return self.NOOP if decision == self.CONTINUE and Watch.holds(trial) else decision

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if "baseline" not in trial.config and not result.get("error"):
            super().on_trial_complete(tune_controller, trial, result)


def most_epochs(study: Study) -> int:
    """Epochs of a trial that is not stopped: the recipe's, or the upper end of their range where they are searched."""
    match study.every_range().get("epochs"):
        case IntDistribution(high=most):
            return most
        case CategoricalDistribution(choices=choices):
            return max(int(choice) for choice in choices if choice is not None)
    return study.recipe.epochs
