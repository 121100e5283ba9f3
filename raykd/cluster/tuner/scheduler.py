"""ASHA over epochs, which lets the baselines, a study's first settings and the confirmation run to their end."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.rungs import FrontRungs
from raykd.cluster.tuner.trials import CONFIRM, Trials
from raykd.protocols.event import METRIC
from raykd.studies.grace import first_rung, judged_from, most_epochs, rungs
from raykd.studies.study import Study


class ASHA(AsyncHyperBandScheduler):
    """Stops a trial at a rung (an epoch `first_rung * reduction**k`) where too many others did better.

    Where a study leaves it to the recipes, a trial is judged, and others by it, at no rung before its own recipe can be
    (`raykd.studies.grace`): one on a route or within the teacher's stages begins low. Of two goals `rungs.py` says who
    goes on. Baselines and first settings are
    what others are judged by, and are never stopped; a baseline that is no setting of the study takes no part.

    Time is the epoch's number: Tune's own count begins anew when a trial is started again. Tune does not keep what a
    scheduler knows: when a search is resumed, its history tells it again. As what sees all of Tune's trials at each
    step, it also lets those go that have ended.

    Args:
        judged: accuracies by epoch of the trials of the search that have ended, by name.
    """

    def __init__(self, study: Study, trials: Trials, judged: Mapping[str, Mapping[int, float]] | None = None):
        super().__init__(
            time_attr="epoch",
            metric=METRIC,
            mode="max",
            max_t=most_epochs(study),
            grace_period=min(first_rung(study), most_epochs(study)),
            reduction_factor=study.reduction,
        )
        self._rungs = rungs(study)
        self._trials = trials
        self._fronts = FrontRungs(study.reduction)  # of a search of two goals
        known = judged or {}
        history = ProgressCallback.history
        for record in (one for one in history.records if one.name not in history.begun):  # others are added again
            ended: Any = SimpleNamespace(trial_id=record.name)  # all that the rungs know a trial by
            super().on_trial_add(None, ended)  # pyright: ignore[reportArgumentType]
            self._tell_again(ended, record.config, known.get(record.name, {}))
            # The rungs keep its values; only which bracket it is in is forgotten, as of every trial that has ended.
            super().on_trial_remove(None, ended)  # pyright: ignore[reportArgumentType]

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        super().on_trial_add(tune_controller, trial)
        begun = ProgressCallback.history.begun.get(self._trials.name(trial.config))
        self._tell_again(trial, trial.config, begun.epochs if begun else {})

    def _tell_again(self, trial: Any, config: dict[str, Any], epochs: Mapping[int, float]) -> None:
        cost = self._trials.cost(config)
        for number in (number for number in sorted(epochs) if self._judges(config, number)):
            if cost is not None:
                self._fronts.note(trial.trial_id, number, epochs[number], cost)
                continue
            # What this answers, to stop or to go on, was decided when the epoch ended; here it only fills the rungs.
            result = {"epoch": number, METRIC: epochs[number]}
            super().on_trial_result(None, trial, result)  # pyright: ignore[reportArgumentType]

    def _compare(self, tune_controller: Any, trial: Any, config: dict[str, Any], result: dict[str, Any]) -> str:
        """Takes note of a trial at a rung; whether it goes on from there, by accuracy or by accuracy and cost."""
        if (cost := self._trials.cost(config)) is None:
            return super().on_trial_result(tune_controller, trial, result)
        goes_on = self._fronts.goes_on(trial.trial_id, result["epoch"], result[METRIC], cost)
        return self.CONTINUE if goes_on else self.STOP

    def _judges(self, config: dict[str, Any], epoch: int) -> bool:
        """Whether a trial takes part in a comparison at this epoch."""
        if "values" not in config or CONFIRM in config or epoch not in self._rungs:
            return False
        return self._trials.study.grace is not None or epoch >= judged_from(self._trials.recipe(config))

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The first that waits, looked for among those that have not ended; Tune's own looks through all trials."""
        ProgressCallback.history.records.take_out(tune_controller._tune_controller)
        live = sorted(tune_controller.get_live_trials(), key=lambda trial: trial.trial_id)
        return next((trial for trial in live if trial.status == Trial.PENDING), None)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        decision = self.CONTINUE
        if not result["finished"] and self._judges(trial.config, result["epoch"]):
            decision = self._compare(tune_controller, trial, trial.config, result)
        if "baseline" in trial.config or trial.config.get("first"):
            decision = self.CONTINUE
        # NOOP: Tune neither asks for a further epoch nor ends the trial, which is then unfinished, and is resumed.
        return self.NOOP if decision == self.CONTINUE and ProgressCallback.holds(trial) else decision

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        takes_part = not result.get("error") and self._judges(trial.config, result["epoch"])
        if takes_part and self._trials.cost(trial.config) is None:
            super().on_trial_complete(tune_controller, trial, result)
            return
        if takes_part:
            self._compare(tune_controller, trial, trial.config, result)
        super().on_trial_remove(tune_controller, trial)
