"""Optuna as Tune's searcher, told the truth about trials that were stopped, failed or diverged.

Ray's own `OptunaSearch` tells Optuna of a trial that a scheduler stopped as if it had finished, with its early value,
which misleads TPE, and leaves a trial without a number running for ever. Here a stopped trial is pruned with its
last value, and a failed one is failed. The live study is in memory; whoever goes on tells a new one all that the old
one was told, in that order (`take_up`), and it draws what the old one would have drawn.

No setting is trained twice. One that is drawn again, or that a baseline is, shares the record of its first trial, and
another one is drawn in its place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from optuna.trial import FrozenTrial
from ray.tune.search import Searcher

from raykd.cluster.tuner.asking import Asked, Asking, Cost
from raykd.cluster.tuner.known_settings import KnownSettings, Outcome
from raykd.cluster.tuner.recorded import refused
from raykd.cluster.tuner.standing import report
from raykd.protocols.event import METRIC
from raykd.studies.baselines import baselines
from raykd.studies.identity import identity
from raykd.studies.settings import setting_of, settings
from raykd.studies.study import Study

_DRAWS = 20  # for a new setting; then what is left is looked for one by one


@dataclass
class _Running:
    """A trial that has not ended, and the last epoch that Optuna was told of."""

    asked: Asked
    told: int = 0


class StudySearch(Searcher):
    """Suggests the baselines, then the study's first settings, then what is drawn around what is known (`PriorBand`).

    A configuration is `{"number": N, "values": {...}, "first": ...}`, numbers counted from 0, `first` for the settings
    that the study begins with; or `{"baseline": NAME}`, with `values` where a setting of the study is the same. Of such
    a baseline Optuna learns as of every trial.

    Args:
        seed: of the sampler.
        first: complete settings to try first.
        cost: that is a second goal, of a setting; None where accuracy is the only one.
    """

    def __init__(self, study: Study, seed: int, first: Iterable[dict[str, Any]], cost: Cost | None = None):
        super().__init__(metric=METRIC, mode="max")
        self._study, self._seed = study, seed
        self._baselines, self._first = list(baselines(study.recipe)), list(first)
        self._asking = Asking(study, seed, [study.complete({}), *self._first], cost)
        self._running: dict[str, _Running] = {}  # by Tune's ids
        self._known = KnownSettings()
        self._count = 0
        self.drawn = list[dict[str, Any]]()  # settings that were drawn before the last suggestion, and were known

    def know(self, trial: FrozenTrial) -> None:
        """Tells the sampler of a trial of an earlier search, which may be trained here again."""
        self._asking.know(trial)

    def take_up(self, trial: str, config: Mapping[str, Any], drawn: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """What `suggest` has suggested to another driver, suggested once more.

        Args:
            trial: its id here; see `hand_over`.
            config, drawn: the configuration, and what was drawn before it.

        Raises:
            ValueError: the study would not suggest that now.
        """
        self.drawn = []
        if (name := config.get("baseline")) is not None:
            if name not in self._baselines:
                raise refused(f"the baseline {name!r}")
            self._baselines.remove(name)
            return self._baseline(trial, name)
        values, first = config["values"], config["first"]
        if config["number"] != self._count:
            raise refused(f"a trial {config['number']} where {self._count} is the next")
        if not first:
            self._first = []
        elif values in self._first:
            self._first = self._first[self._first.index(values) + 1 :]
        repeated = [self._asking.ask_again(one) for one in drawn]
        found = self._asking.ask_again(values)
        self._share(repeated)
        return self._begin(trial, found, first=first)

    def hand_over(self, old: str, new: str) -> None:
        """Gives a trial that runs another id."""
        if (running := self._running.pop(old, None)) is not None:
            self._running[new] = running

    def suggest(self, trial_id: str) -> Any:
        """The next configuration, or `FINISHED` where every setting of the study is known."""
        self.drawn = []
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
        self._start(trial_id, self._asking.ask(values))
        return {"baseline": name, "values": values}

    def _begin(self, trial_id: str, found: Asked, first: bool) -> dict[str, Any]:
        self._start(trial_id, found)
        self._count += 1
        return {"number": self._count - 1, "values": dict(found.trial.params), "first": first}

    def _start(self, trial_id: str, found: Asked) -> None:
        self._running[trial_id] = _Running(found)
        self._known.begin(found.key)

    def _first_setting(self) -> Asked | None:
        while self._first:
            values = self._first.pop(0)
            if identity(self._study.recipe_of(values)) not in self._known:
                return self._asking.ask(values)
        return None

    def _drawn_setting(self) -> Asked | None:
        """A setting that is not known yet; None where there is none."""
        repeated, found = list[Asked](), None
        while found is None and len(repeated) < _DRAWS:
            drawn = self._asking.ask()
            if drawn.key in self._known:
                repeated.append(drawn)  # until there is another it counts as one that runs, which TPE keeps away from
            else:
                found = drawn
        if found is None:
            left = settings(self._study, Random(f"{self._seed} {self._count}"))
            new = (values for values in left if identity(self._study.recipe_of(values)) not in self._known)
            found = next((self._asking.ask(values) for values in new), None)
        self.drawn = [dict(one.trial.params) for one in repeated]
        self._share(repeated)
        return found

    def _share(self, repeated: Iterable[Asked]) -> None:
        for one in repeated:
            if one.key not in self._known:
                raise refused(f"the setting {one.trial.params} twice, which it did not begin before")
            self._known.share(one.key, one.trial, self._asking.optuna)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        running, outcome = self._running.get(trial_id), Outcome.of(result, error=False)
        if running is None or outcome.value is None:
            return  # it had ended before it was started again, or is a baseline that is no setting of the study
        # A trial that is started again tells its last epoch once more, of which Optuna would warn.
        if outcome.epoch > running.told:
            report(running.asked.trial, outcome.value, outcome.epoch)
            running.told = outcome.epoch

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if (running := self._running.pop(trial_id, None)) is not None:
            outcome = Outcome.of(result, error)
            study = self._asking.optuna
            outcome.tell(study, running.asked.trial, running.told)  # the study keeps all that is read of it
            self._known.end(running.asked.key, outcome, study)
