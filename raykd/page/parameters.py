"""The hyperparameters of a search, as its trials have drawn them: their kinds, their values, which of them apply.

Ranges are those of the values that were drawn, as a search's folder does not keep what might have been drawn. Values
above 0 that differ by more than a factor of 20 are taken for values on a logarithmic axis.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from raykd.page.evidence import Trial

_LOGARITHMIC = 20.0


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A hyperparameter with at least two values among the trials, or one that some trials do not have.

    Args:
        path: such as `terms/kd/temperature`.
        values: by name of the trial; those that did not draw it are missing.
    """

    path: str
    values: Mapping[str, Any]

    @property
    def is_number(self) -> bool:
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values.values())

    @property
    def is_log(self) -> bool:
        low, high = self.ends
        return low > 0 and high / low > _LOGARITHMIC

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest number."""
        return float(min(self.values.values())), float(max(self.values.values()))

    @property
    def options(self) -> list[str]:
        """The words, in order."""
        return sorted({str(value) for value in self.values.values()})

    @property
    def varies(self) -> bool:
        return len(set(map(str, self.values.values()))) > 1

    @property
    def component(self) -> str:
        return component_of(self.path)

    @property
    def word(self) -> str:
        """Its path without what it belongs to."""
        if self.path == self.component:
            return self.path if self.is_number else "which"
        return self.path.removeprefix(f"{self.component}/")

    def place(self, value: Any) -> float:
        """Where a value lies on an axis from 0 to 1."""
        if not self.is_number:
            options = self.options
            return float(options.index(str(value)) / max(1, len(options) - 1))
        low, high = self.ends
        if low == high:
            return 0.5
        if self.is_log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    def distribution(self) -> BaseDistribution:
        """What Optuna is to think that it was drawn from."""
        if not self.is_number:
            return CategoricalDistribution(self.options)
        low, high = self.ends
        if all(isinstance(value, int) for value in self.values.values()):
            return IntDistribution(int(low), int(high), log=self.is_log)
        return FloatDistribution(low, high, log=self.is_log)


def component_of(path: str) -> str:
    """What a path belongs to: `terms/kd` of `terms/kd/temperature`, `route` of both `route` and `route/count`."""
    parts = path.split("/")
    return "/".join(parts[: 2 if parts[0] == "terms" else 1])


def parameters(trials: Sequence[Trial]) -> list[Parameter]:
    """Those that vary, choices first, then in the order in which they were first drawn."""
    paths = list(dict.fromkeys(path for trial in trials for path in trial.values))
    found = [
        Parameter(path=path, values={trial.name: trial.values[path] for trial in trials if path in trial.values})
        for path in paths
    ]
    return sorted((one for one in found if one.varies), key=lambda one: len(one.values), reverse=True)


def as_study(trials: Sequence[Trial], found: Sequence[Parameter]) -> optuna.Study:
    """The trials as an Optuna study; what a trial did not draw is not in it. All have an accuracy."""
    study = optuna.create_study(direction="maximize")
    ranges = {one.path: one for one in found}
    for trial in trials:
        own = {path: value for path, value in trial.values.items() if path in ranges}
        values = {path: value if ranges[path].is_number else str(value) for path, value in own.items()}
        study.add_trial(
            optuna.trial.create_trial(
                value=trial.accuracy,
                params=values,
                distributions={path: ranges[path].distribution() for path in values},
            )
        )
    return study
