"""ASHA over epochs, which lets the baselines and the confirmation run to their end."""

from types import SimpleNamespace
from typing import Any

from optuna.distributions import CategoricalDistribution, IntDistribution
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.candidates import is_own
from raykd.cluster.tuner.trials import Trials
from raykd.protocols.event import METRIC
from raykd.runs.trial import read_epochs
from raykd.storage.layout import TRIALS
from raykd.studies.study import Study


class ASHA(AsyncHyperBandScheduler):
    """Stops a trial at a rung (an epoch `grace * reduction**k`) where too many others did better.

    Time is the epoch's number: Tune's own count begins anew when a trial is started again. Tune does not keep what a
    scheduler knows: when a search is resumed, the trials' own records tell it again. As what sees all of Tune's trials
    at each step, it also lets those go that have ended.
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
        self._tell_again(tune_controller, trial, trial.config, self._trials.name(trial.config))
        for record in ProgressCallback.go_on(tune_controller._tune_controller):
            ended: Any = SimpleNamespace(trial_id=record.id)  # all that the rungs know a trial by
            super().on_trial_add(tune_controller, ended)
            self._tell_again(tune_controller, ended, record.config, record.name)
            # The rungs keep its values; only which bracket it is in is forgotten, as of every trial that has ended.
            super().on_trial_remove(tune_controller, ended)

    def _tell_again(self, tune_controller: Any, trial: Any, config: dict[str, Any], name: str) -> None:
        if is_own(config):
            # What this answers, to stop or to go on, was decided when the epoch ended; here it only fills the rungs.
            for epoch in read_epochs(self._trials.folder / TRIALS / name):
                super().on_trial_result(tune_controller, trial, {"epoch": epoch["number"], METRIC: epoch[METRIC]})

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The first that waits, looked for among those that have not ended; Tune's own looks through all trials."""
        ProgressCallback.records.take_out(tune_controller._tune_controller)
        live = sorted(tune_controller.get_live_trials(), key=lambda trial: trial.trial_id)
        return next((trial for trial in live if trial.status == Trial.PENDING), None)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        decision = self.CONTINUE
        if is_own(trial.config) and not result["finished"]:
            decision = super().on_trial_result(tune_controller, trial, result)
        # NOOP: Tune neither asks for a further epoch nor ends the trial, which is then unfinished, and is resumed.
        return self.NOOP if decision == self.CONTINUE and ProgressCallback.holds(trial) else decision

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if is_own(trial.config) and not result.get("error"):
            super().on_trial_complete(tune_controller, trial, result)


def most_epochs(study: Study) -> int:
    """Epochs of a trial that is not stopped: the recipe's, or the upper end of their range where they are searched."""
    match study.every_range().get("epochs"):
        case IntDistribution(high=most):
            return most
        case CategoricalDistribution(choices=choices):
            return max(int(choice) for choice in choices if choice is not None)
    return study.recipe.epochs
