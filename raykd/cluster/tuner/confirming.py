"""After the search's own trials Tune is given its confirmation: the finalists and the baselines under fresh seeds.

To Tune these are trials like all others, so that they run on the same warm groups, are resumed, and survive what trials
survive. See `raykd.studies.confirmation` for what they are for. The baselines' come first, as they are needed whoever
the finalists are: they fill the slots that are free while the last trials of the search run.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from ray.tune.search import Searcher

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.candidates import Config, accuracies, candidate, finalists
from raykd.cluster.tuner.recorded import refused
from raykd.cluster.tuner.searcher import StudySearch
from raykd.cluster.tuner.trials import CONFIRM, Trials
from raykd.evaluation.comparison import is_behind
from raykd.protocols.event import METRIC, TotalChanged
from raykd.studies.baselines import baselines
from raykd.studies.confirmation import Confirmation, overlap

_NOTHING_NEW = "the study has no other setting than these"


class ConfirmingSearch(Searcher):
    """Suggests what a search suggests, and then its confirmation.

    A finalist that is clearly behind another one, or a baseline, gets no more seeds. What was trained is known from the
    records of the trials that have ended. A search that goes on first gives out once more what had not ended.

    Args:
        search: the search itself.
        trials: to know settings by their trials' names.
    """

    wanted: ClassVar[int] = 0  # trials of the search, with its baselines
    confirmation: ClassVar[Confirmation] = Confirmation(seeds=0, finalists=1)

    def __init__(self, search: StudySearch, trials: Trials):
        super().__init__(metric=METRIC, mode="max")
        self._search, self._trials = search, trials
        self._given = 0  # trials of the search
        self._ends = False  # the search has nothing more to suggest, however many are wanted
        self._open = set[str]()  # ids of those that run
        self._begun = set[tuple[str, int]]()  # names of candidates, and numbers of seeds
        self._told = 0  # the number of trials, by this process
        self._behind = set[str]()  # names of finalists that get no more seeds
        self._settings = list[Config]()  # that another driver has had, by number
        self._unfinished = list[tuple[str, Config]]()  # which another driver has left, with their names

    @classmethod
    def begin(cls, wanted: int, confirmation: Confirmation) -> None:
        """Sets what the driver wants from now on; see the class's variables."""
        cls.wanted, cls.confirmation = wanted, confirmation

    @classmethod
    def most(cls) -> int:
        """Trials at most, with those of the confirmation."""
        return cls.wanted + cls.confirmation.most

    def take_up(self, name: str, config: Config, drawn: Sequence[Config]) -> Config:
        """Gives out once more what another driver has given out, under its name for an id.

        Raises:
            ValueError: it is none that this search could give out.
        """
        if CONFIRM not in config:
            taken = self._search.take_up(name, config, drawn)
            self._given += 1
            self._open.add(name)
            self._settings += [taken] if "number" in taken else []
            return taken
        known = [*self._baselines(), *self._own(), *self._settings]
        if (of := candidate(config)) not in known or type(config[CONFIRM]) is not int:
            raise refused("a confirmation of what it has not trained")
        self._begun.add((self._trials.name(of), config[CONFIRM]))
        return config

    def leave(self, name: str) -> None:
        """Notes that a finalist was found to be behind by another driver."""
        self._behind.add(name)

    def finish(self, unfinished: Iterable[tuple[str, Config]]) -> None:
        """Lets trials that another driver has left come first; by name."""
        self._unfinished, self._settings = list(unfinished), []

    def suggest(self, trial_id: str) -> Any:
        if self._unfinished:
            name, config = self._unfinished.pop(0)
            ProgressCallback.history.go_on_with(name)
            self._search.hand_over(name, trial_id)
            if CONFIRM not in config:
                self._open = self._open - {name} | {trial_id}
            return config
        config = self._next(trial_id)
        if config is not None and config != Searcher.FINISHED:
            drawn = self._search.drawn if "number" in config and CONFIRM not in config else []
            ProgressCallback.history.begin(self._trials.name(config), config, drawn)
        return config

    def _next(self, trial_id: str) -> Any:
        if self._given < self.wanted and not self._ends:
            suggestion = self._search.suggest(trial_id)
            self._ends = suggestion == Searcher.FINISHED
            if suggestion is not None and not self._ends:
                self._given += 1
                self._open.add(trial_id)
                return suggestion
        is_over = (self._given >= self.wanted or self._ends) and not self._open
        candidates = [*self._baselines(), *self._own(), *(self._finalists() if is_over else [])]
        names = [self._trials.name(each) for each in candidates]
        if is_over:
            self._race(dict(zip(names, map(self._trials.cost, candidates), strict=True)))
            self._tell_total(names)
        for number in range(1, self.confirmation.seeds + 1):
            for name, config in zip(names, candidates, strict=True):
                if (name, number) not in self._begun and name not in self._behind:
                    self._begun.add((name, number))
                    return {**config, CONFIRM: number}
        return Searcher.FINISHED if is_over else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self._search.on_trial_result(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._open.discard(trial_id)
        self._search.on_trial_complete(trial_id, result, error)

    def _baselines(self) -> list[Config]:
        return [{"baseline": name} for name in baselines(self._trials.study.recipe)]

    def _own(self) -> list[Config]:
        """The recipes that the study has named itself."""
        return [{"candidate": name} for name in self._trials.study.candidates]

    def _finalists(self) -> list[Config]:
        return finalists(self._trials, ProgressCallback.history.records, self.confirmation.finalists)

    def _race(self, costs: dict[str, float | None]) -> None:
        """Takes out those that are clearly behind, of all but the baselines: behind one that costs no more.

        Args:
            costs: by name, the baselines' first; None where accuracy is the only goal.
        """
        known, share = accuracies(self._trials, ProgressCallback.history.records), overlap(self._trials.study)
        for name in list(costs)[len(self._baselines()) :]:
            rivals = [other for other in costs if other != name and (costs[other] or 0.0) <= (costs[name] or 0.0)]
            if name not in self._behind and any(_is_behind(known, name, other, share) for other in rivals):
                self._behind.add(name)
                ProgressCallback.history.fall_behind(name)

    def _tell_total(self, names: list[str]) -> None:
        """Tells how many trials there are with the confirmation, as far as it is known by now."""
        numbers = range(1, self.confirmation.seeds + 1)
        todo = {(name, number) for name in names if name not in self._behind for number in numbers}
        total = self._given + len(self._begun | todo)
        if total != self._told and ProgressCallback.driver is not None:
            self._told = total
            why = _NOTHING_NEW if self._ends else ""
            ProgressCallback.driver.tell(TotalChanged(total=total, why=why))


def _is_behind(known: dict[str, dict[int, float]], ours: str, theirs: str, share: float) -> bool:
    """Whether one candidate is clearly worse than another, by the seeds that both have."""
    own, others = known.get(ours, {}), known.get(theirs, {})
    both = sorted(own.keys() & others.keys())
    return is_behind([own[number] for number in both], [others[number] for number in both], share)
