"""Optuna's TPE over a bounded history, so that a search's thousandth draw takes no longer than its five-hundredth.

TPE reads every trial for every draw. It models its best trials, at most 25, and all others, of which it weighs the
oldest least; beyond the newest 500 trials those others are left out here, and the best are kept. A search of up to
500 trials draws what Optuna's own TPE draws.
"""

import heapq
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

NEWEST, BEST = 500, 25


class BoundedTPE(TPESampler):
    """`TPESampler` that reads the `NEWEST` trials, the `BEST` ones and those that run; to be maximised."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return super().infer_relative_search_space(_Recent(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(_Recent(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return super().sample_independent(_Recent(study), trial, param_name, param_distribution)


class _Recent(Study):
    """A study as seen by a sampler that asks it for its trials."""

    def __init__(self, study: Study):
        self.__dict__.update(study.__dict__)

    def _get_trials(self, *arguments: Any, **options: Any) -> list[FrozenTrial]:
        trials = super()._get_trials(*arguments, **options)
        older = trials[:-NEWEST]
        if not older:
            return trials
        complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        best = {trial.number for trial in heapq.nlargest(BEST, complete, key=lambda trial: trial.values[0])}
        kept = [trial for trial in older if trial.state == TrialState.RUNNING or trial.number in best]
        return kept + trials[-NEWEST:]
