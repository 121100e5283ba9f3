"""Optuna's study of a search: asked for settings, or told again those that another driver was given."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial

from raykd.cluster.tuner.prior_band import PriorBand
from raykd.cluster.tuner.recorded import Recorded, refused
from raykd.cluster.tuner.sampler import BoundedTPE
from raykd.cluster.tuner.standing import COST, DIRECTIONS, with_cost
from raykd.studies.grace import most_epochs, rungs
from raykd.studies.identity import identity
from raykd.studies.study import Study

Cost = Callable[[Mapping[str, Any]], float]


class Asked(NamedTuple):
    """A trial of Optuna's, and what gives the same run as its setting (`raykd.studies.identity`)."""

    trial: optuna.Trial
    key: str


class Asking:
    """Asks for the settings of one search.

    Args:
        seed: of the sampler.
        priors: complete settings that are known to be good.
        cost: that is a second goal, of a setting; None where accuracy is the only one.
    """

    def __init__(self, study: Study, seed: int, priors: Sequence[Mapping[str, Any]], cost: Cost | None = None):
        self._study, self._cost = study, cost
        self._sampler = PriorBand(
            BoundedTPE(seed=seed, multivariate=True, constant_liar=True),
            seed=seed,
            rungs=rungs(study) | {most_epochs(study)},
            reduction=study.reduction,
            priors=priors,
            complete=self._defaults,
        )
        directions = DIRECTIONS[:1] if cost is None else DIRECTIONS
        self.optuna = optuna.create_study(directions=directions, sampler=self._sampler)

    def know(self, trial: FrozenTrial) -> None:
        """Tells the sampler of a trial of an earlier search."""
        self.optuna.add_trial(trial if self._cost is None else with_cost(trial, self._cost(trial.params)))

    def ask(self, values: dict[str, Any] | None = None) -> Asked:
        """A setting with these values, or with such as are drawn."""
        if values is not None:
            self.optuna.enqueue_trial(values)
        trial = self.optuna.ask()
        self._study.suggest(trial)
        if self._cost is not None:
            trial.set_user_attr(COST, self._cost(trial.params))
        return Asked(trial, identity(self._study.recipe_of(trial.params)))

    def ask_again(self, values: Mapping[str, Any]) -> Asked:
        """A setting that another driver was given, without the costs of a draw.

        Raises:
            ValueError: the study does not offer it.
        """
        self.optuna.sampler = Recorded(values, self._sampler)
        try:
            found = self.ask()
        finally:
            self.optuna.sampler = self._sampler
        if found.trial.params != values:
            raise refused(f"a trial with {_words(values.keys() - found.trial.params.keys())}")
        return found

    def _defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The setting of the components that are chosen, at their defaults."""
        return self._study.complete({path: value for path, value in values.items() if path in self._study.choices})


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, names)))
