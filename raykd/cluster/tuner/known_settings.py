"""What a search has trained, or trains, by what gives the same run: nothing is trained twice, its record is shared."""

import math
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from raykd.cluster.tuner.standing import finish, report
from raykd.protocols.event import METRIC


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the sampler is told of a trial that has ended.

    Args:
        state: complete, pruned or failed.
        value: the last accuracy; none of one that failed.
        epoch: that it was reached in. Of a pruned trial TPE reads the last epoch alone, so that no other is kept.
    """

    state: TrialState
    value: float | None = None
    epoch: int = 0

    @classmethod
    def of(cls, result: dict[str, Any] | None, error: bool) -> "Outcome":
        """From the last result of Tune's."""
        value = (result or {}).get(METRIC, math.nan)
        if error or not result or not math.isfinite(value):
            return cls(state=TrialState.FAIL)
        state = TrialState.COMPLETE if result["finished"] else TrialState.PRUNED
        return cls(state=state, value=value, epoch=result["epoch"])

    def tell(self, study: optuna.Study, trial: optuna.Trial, told: int = 0) -> None:
        """Tells Optuna the end of a trial; `told` is the last epoch that it was told of before."""
        if self.value is not None and self.epoch > told:  # Optuna would warn of an epoch that it knows
            report(trial, self.value, self.epoch)
        finish(study, trial, self.value, self.state)


class KnownSettings:
    """The settings of one search, by their identity (`raykd.studies.identity`).

    One that fails is forgotten: a machine may have been at fault, and it may be tried again.
    """

    def __init__(self) -> None:
        self._ended: dict[str, Outcome] = {}
        self._running: dict[str, list[optuna.Trial]] = {}  # with the trials of Optuna's that wait for the end

    def __contains__(self, key: str) -> bool:
        return key in self._ended or key in self._running

    def begin(self, key: str) -> None:
        self._running[key] = []

    def end(self, key: str, outcome: Outcome, study: optuna.Study) -> None:
        """Notes how a trial has ended, and tells it of all that were drawn like it meanwhile."""
        for trial in self._running.pop(key):
            outcome.tell(study, trial)
        if outcome.state != TrialState.FAIL:
            self._ended[key] = outcome

    def share(self, key: str, trial: optuna.Trial, study: optuna.Study) -> None:
        """Tells Optuna of a trial what is known of the one like it, as soon as that has ended."""
        if key in self._running:
            self._running[key].append(trial)
        else:
            self._ended[key].tell(study, trial)
