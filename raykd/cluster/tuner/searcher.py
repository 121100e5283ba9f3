"""Optuna's TPE as Tune's searcher, told the truth about trials that were stopped, failed or diverged.

Ray's `OptunaSearch` tells Optuna of a trial that a scheduler stopped as if it had finished, with its early value,
which misleads TPE, and leaves a trial without a number running for ever. Here a stopped trial is pruned with its
last value, and a failed one is failed. The live study is in memory and is saved with Tune's own state.
"""

import math
from collections.abc import Iterable
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune.search.optuna import OptunaSearch

from raykd.cluster.tuner.sampler import BoundedTPE
from raykd.protocols.epoch import METRIC
from raykd.studies.baselines import baselines
from raykd.studies.study import Study


class StudySearch(OptunaSearch):
    """Suggests the baselines, then the study's first settings, then what TPE draws.

    A configuration is `{"baseline": NAME}` or `{"number": N, "values": {...}}`, numbers counted from 0.

    Args:
        seed: of the sampler.
        first: complete settings to try first.
    """

    def __init__(self, study: Study, seed: int, first: Iterable[dict[str, Any]]):
        sampler = BoundedTPE(seed=seed, multivariate=True, group=True, constant_liar=True)
        super().__init__(study.suggest, metric=METRIC, mode="max", sampler=sampler, points_to_evaluate=list(first))
        self._study = study
        self._baselines = list(baselines(study.recipe))

    @property
    def _optuna(self) -> optuna.Study:
        assert self._ot_study is not None
        return self._ot_study

    def get_state(self) -> dict[str, Any]:
        """What it has learnt and given out."""
        return {name: value for name, value in vars(self).items() if name not in ("_study", "_space")}

    def set_state(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def suggest(self, trial_id: str) -> dict[str, Any]:
        if self._baselines:
            return {"baseline": self._baselines.pop(0)}
        trial = self._optuna.ask()
        self._ot_trials[trial_id] = trial
        self._study.suggest(trial)
        return {"number": trial.number, "values": dict(trial.params)}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if trial_id in self._ot_trials:  # else it is a baseline, or had ended before it was started again
            self._report(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if trial_id not in self._ot_trials:
            return
        if error or not result or not math.isfinite(result.get(METRIC, math.nan)):
            self._tell(trial_id, state=TrialState.FAIL)
            return
        self._report(trial_id, result)
        if result["finished"]:
            self._tell(trial_id, result[METRIC])
        else:
            self._tell(trial_id, state=TrialState.PRUNED)  # its value is the last one reported

    def _tell(self, trial_id: str, value: float | None = None, state: TrialState | None = None) -> None:
        self._optuna.tell(self._ot_trials.pop(trial_id), value, state)  # the study keeps all that is read of it

    def _report(self, trial_id: str, result: dict[str, Any]) -> None:
        trial, value = self._ot_trials[trial_id], result.get(METRIC, math.nan)
        told = self._optuna._storage.get_trial(trial._trial_id).intermediate_values
        if math.isfinite(value) and result["epoch"] not in told:  # an epoch may be told again after a restart
            trial.report(value, result["epoch"])
