"""Optuna's TPE as Tune's searcher, told the truth about trials that were stopped, failed or diverged.

Ray's own `OptunaSearch` tells Optuna of a trial that a scheduler stopped as if it had finished, with its early value,
which misleads TPE, and leaves a trial without a number running for ever. Here a stopped trial is pruned with its
last value, and a failed one is failed. The live study is in memory and is saved with Tune's own state.
"""

import math
from collections.abc import Iterable
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from raykd.cluster.tuner.sampler import BoundedTPE
from raykd.protocols.event import METRIC
from raykd.studies.baselines import baselines
from raykd.studies.study import Study


class StudySearch(Searcher):
    """Suggests the baselines, then the study's first settings, then what TPE draws.

    A configuration is `{"baseline": NAME}` or `{"number": N, "values": {...}}`, numbers counted from 0.

    Args:
        seed: of the sampler.
        first: complete settings to try first.
    """

    def __init__(self, study: Study, seed: int, first: Iterable[dict[str, Any]]):
        super().__init__(metric=METRIC, mode="max")
        self._study = study
        self._baselines = list(baselines(study.recipe))
        sampler = BoundedTPE(seed=seed, multivariate=True, group=True, constant_liar=True)
        self._optuna = optuna.create_study(direction="maximize", sampler=sampler)
        for values in first:
            self._optuna.enqueue_trial(values)
        self._asked: dict[str, optuna.Trial] = {}  # by Tune's ids, that have not ended
        self._epochs: dict[str, int] = {}  # the last one of each that Optuna was told of

    def get_state(self) -> dict[str, Any]:
        """What it has learnt and given out, to be pickled in one piece: the trials that run know their study."""
        return {
            "optuna": self._optuna,
            "asked": self._asked,
            "epochs": self._epochs,
            "baselines": self._baselines,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        self._optuna, self._asked = state["optuna"], state["asked"]
        self._epochs, self._baselines = state["epochs"], state["baselines"]

    def suggest(self, trial_id: str) -> dict[str, Any]:
        if self._baselines:
            return {"baseline": self._baselines.pop(0)}
        trial = self._optuna.ask()
        self._asked[trial_id] = trial
        self._study.suggest(trial)
        return {"number": trial.number, "values": dict(trial.params)}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if trial_id in self._asked:  # else it is a baseline, or had ended before it was started again
            self._report(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if trial_id not in self._asked:
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
        self._optuna.tell(self._asked.pop(trial_id), value, state)  # the study keeps all that is read of it
        self._epochs.pop(trial_id, None)

    def _report(self, trial_id: str, result: dict[str, Any]) -> None:
        value, epoch = result.get(METRIC, math.nan), result["epoch"]
        # A trial that is started again tells its last epoch once more, of which Optuna would warn.
        if math.isfinite(value) and epoch > self._epochs.get(trial_id, 0):
            self._asked[trial_id].report(value, epoch)
            self._epochs[trial_id] = epoch
