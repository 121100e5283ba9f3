"""Optuna's TPE over a bounded history, so that a search's thousandth draw takes no longer than its five-hundredth.

TPE reads every trial for every draw. It models its best trials, at most 25, and all others, of which it weighs the
oldest least; beyond the newest 500 trials those others are left out here, and the best are kept. A search of up to
500 trials draws what Optuna's own TPE draws.
"""

import heapq
from collections.abc import Container
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

NEWEST, BEST = 500, 25


class BoundedTPE(TPESampler):
    """`TPESampler` that reads the `NEWEST` trials and the `BEST` before them, and those that run; to be maximised.

    It serves one study, from its first trial on.
    """

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._older = _Older()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return super().infer_relative_search_space(_Recent(study, self._older), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(_Recent(study, self._older), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return super().sample_independent(_Recent(study, self._older), trial, param_name, param_distribution)


class _Older:
    """What is read of the trials before the newest; each of them is looked at once, when it has ended."""

    def __init__(self) -> None:
        self._count = 0
        self._unfinished = list[int]()
        self._best = list[FrozenTrial]()

    def read(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """The best of them and those that run, in their order; `trials` are all trials of the study."""
        count = max(self._count, len(trials) - NEWEST)
        candidates = [trials[number] for number in (*self._unfinished, *range(self._count, count))]
        self._count = count
        unfinished = [trial for trial in candidates if not trial.state.is_finished()]
        self._unfinished = [trial.number for trial in unfinished]
        complete = [trial for trial in candidates if trial.state == TrialState.COMPLETE]
        if complete:
            self._best = heapq.nlargest(BEST, self._best + complete, key=lambda trial: trial.values[0])
        return sorted(self._best + unfinished, key=lambda trial: trial.number)


class _Recent(Study):
    """A study as seen by a sampler that asks it for its trials."""

    def __init__(self, study: Study, older: _Older):
        self.__dict__.update(study.__dict__)
        self._older = older

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = super()._get_trials(deepcopy, None, use_cache)
        read = self._older.read(trials) + trials[-NEWEST:]
        return read if states is None else [trial for trial in read if trial.state in states]
