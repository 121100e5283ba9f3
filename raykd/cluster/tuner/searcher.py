"""Optuna as Tune's searcher, told the truth about trials that were stopped, failed or diverged.

Ray's own `OptunaSearch` tells Optuna of a trial that a scheduler stopped as if it had finished, with its early value,
which misleads TPE, and leaves a trial without a number running for ever. Here a stopped trial is pruned with its
last value, and a failed one is failed. The live study is in memory and is saved with Tune's own state.

No setting is trained twice. One that is drawn again, or that a baseline is, shares the record of its first trial, and
another one is drawn in its place.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from ray.tune.search import Searcher

from raykd.cluster.tuner.known_settings import KnownSettings, Outcome
from raykd.cluster.tuner.prior_band import PriorBand
from raykd.cluster.tuner.sampler import BoundedTPE
from raykd.cluster.tuner.standing import COST, DIRECTIONS, report, with_cost
from raykd.protocols.event import METRIC
from raykd.studies.baselines import baselines
from raykd.studies.grace import most_epochs, rungs
from raykd.studies.identity import identity
from raykd.studies.settings import setting_of, settings
from raykd.studies.study import Study

_DRAWS = 20  # for a new setting; then what is left is looked for one by one


@dataclass
class _Running:
    """A trial that has not ended: Optuna's, what it trains, and the last epoch that Optuna was told of."""

    trial: optuna.Trial
    key: str
    told: int = 0


class StudySearch(Searcher):
    """Suggests the baselines, then the study's first settings, then what is drawn around what is known (`PriorBand`).

    A configuration is `{"number": N, "values": {...}, "first": ...}`, numbers counted from 0, `first` for the settings
    that the study begins with; or `{"baseline": NAME}`, with `values` where a setting of the study is the same. Of such
    a baseline Optuna learns as of every trial.

    Args:
        seed: of the sampler.
        first: complete settings to try first.
        known: trials of an earlier search that the sampler shall know; they may be trained here again.
        cost: that is a second goal, of a setting; None where accuracy is the only one.
    """

    def __init__(
        self,
        study: Study,
        seed: int,
        first: Iterable[dict[str, Any]],
        known: Iterable[FrozenTrial] = (),
        cost: Callable[[Mapping[str, Any]], float] | None = None,
    ):
        super().__init__(metric=METRIC, mode="max")
        self._study, self._seed, self._cost = study, seed, cost
        self._baselines, self._first = list(baselines(study.recipe)), list(first)
        sampler = PriorBand(
            BoundedTPE(seed=seed, multivariate=True, group=True, constant_liar=True),
            seed=seed,
            rungs=rungs(study) | {most_epochs(study)},
            reduction=study.reduction,
            priors=[study.complete({}), *self._first],
            complete=self._defaults,
        )
        directions = DIRECTIONS[:1] if cost is None else DIRECTIONS
        self._optuna = optuna.create_study(directions=directions, sampler=sampler)
        for trial in known:
            self._optuna.add_trial(trial if cost is None else with_cost(trial, cost(trial.params)))
        self._running: dict[str, _Running] = {}  # by Tune's ids
        self._known = KnownSettings()
        self._count = 0

    def get_state(self) -> dict[str, Any]:
        """What it has learnt and given out, to be pickled in one piece: the trials that run know their study."""
        return {
            "optuna": self._optuna,
            "running": self._running,
            "known": self._known,
            "baselines": self._baselines,
            "first": self._first,
            "count": self._count,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        self._optuna, self._running, self._known = state["optuna"], state["running"], state["known"]
        self._baselines, self._first, self._count = state["baselines"], state["first"], state["count"]
        self._optuna.sampler.take_up(self._defaults)

    def _defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The setting of the components that are chosen, at their defaults."""
        return self._study.complete({path: value for path, value in values.items() if path in self._study.choices})

    def suggest(self, trial_id: str) -> Any:
        """The next configuration, or `FINISHED` where every setting of the study is known."""
        if self._baselines:
            return self._baseline(trial_id, self._baselines.pop(0))
        if (found := self._first_setting()) is not None:
            return self._begin(trial_id, found, first=True)
        if (found := self._drawn_setting()) is not None:
            return self._begin(trial_id, found, first=False)
        return self.FINISHED

    def _baseline(self, trial_id: str, name: str) -> dict[str, Any]:
        if (values := setting_of(self._study, baselines(self._study.recipe)[name])) is None:
            return {"baseline": name}
        self._running[trial_id] = self._ask(values)
        self._known.begin(self._running[trial_id].key)
        return {"baseline": name, "values": values}

    def _begin(self, trial_id: str, found: _Running, first: bool) -> dict[str, Any]:
        self._running[trial_id] = found
        self._known.begin(found.key)
        self._count += 1
        return {"number": self._count - 1, "values": dict(found.trial.params), "first": first}

    def _first_setting(self) -> _Running | None:
        while self._first:
            values = self._first.pop(0)
            if identity(self._study.recipe_of(values)) not in self._known:
                return self._ask(values)
        return None

    def _drawn_setting(self) -> _Running | None:
        """A setting that is not known yet; None where there is none."""
        repeated, found = list[_Running](), None
        while found is None and len(repeated) < _DRAWS:
            drawn = self._ask()
            if drawn.key in self._known:
                repeated.append(drawn)  # until there is another it counts as one that runs, which TPE keeps away from
            else:
                found = drawn
        if found is None:
            left = settings(self._study, Random(f"{self._seed} {self._count}"))
            new = (values for values in left if identity(self._study.recipe_of(values)) not in self._known)
            found = next((self._ask(values) for values in new), None)
        for drawn in repeated:
            self._known.share(drawn.key, drawn.trial, self._optuna)
        return found

    def _ask(self, values: dict[str, Any] | None = None) -> _Running:
        """A trial of Optuna's, with these values or with such as are drawn."""
        if values is not None:
            self._optuna.enqueue_trial(values)
        trial = self._optuna.ask()
        self._study.suggest(trial)
        if self._cost is not None:
            trial.set_user_attr(COST, self._cost(trial.params))
        return _Running(trial, identity(self._study.recipe_of(trial.params)))

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        running, outcome = self._running.get(trial_id), Outcome.of(result, error=False)
        if running is None or outcome.value is None:
            return  # it had ended before it was started again, or is a baseline that is no setting of the study
        # A trial that is started again tells its last epoch once more, of which Optuna would warn.
        if outcome.epoch > running.told:
            report(running.trial, outcome.value, outcome.epoch)
            running.told = outcome.epoch

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if (running := self._running.pop(trial_id, None)) is not None:
            outcome = Outcome.of(result, error)
            outcome.tell(self._optuna, running.trial, running.told)  # the study keeps all that is read of it
            self._known.end(running.key, outcome, self._optuna)
