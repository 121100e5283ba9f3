"""Optuna's TPE over a bounded history, so that a search's thousandth draw takes no longer than its five-hundredth.

TPE reads every trial for every draw. It models its best trials, at most 25, and all others, of which it weighs the
oldest least; beyond the newest 500 trials those others are left out here, and the best are kept. A search of up to
500 trials draws what Optuna's own TPE draws, if that is seeded anew for each trial, by the trial's number: so a draw is
a function of the seed, its number and the trials before it, and a search that goes on draws as if it had not stopped.
"""

from collections.abc import Container
from random import Random
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.search_space.group_decomposed import _GroupDecomposedSearchSpace
from optuna.trial import FrozenTrial, TrialState, create_trial

from raykd.cluster.tuner.standing import best

NEWEST, BEST = 500, 25


class BoundedTPE(TPESampler):
    """`TPESampler` that reads the `NEWEST` trials and the `BEST` before them, and those that run.

    The first value, or the only one, is to be maximised.

    It serves one study, from its first trial on, and makes it forget the trials that it reads no more: the study must
    be in memory alone (`InMemoryStorage`).
    """

    def __init__(self, *, seed: int, **options: Any):
        super().__init__(seed=seed, group=True, **options)
        self._seed = seed
        self._older, self._kinds = _Older(), _Kinds()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        super().before_trial(study, trial)
        number = Random(f"{self._seed} {trial.number}").getrandbits(32)
        for stream in (self._rng, self._random_sampler._rng):
            stream.rng.seed(number)
        self.look(study)

    def look(self, study: Study) -> None:
        """Takes note of the trials that have ended, and lets the study forget those that are read no more."""
        _Seen(study, self._kinds)._get_trials(deepcopy=False)  # before any of them is forgotten
        self._older.forget(study)
        self.read(study)

    def read(self, study: Study) -> list[FrozenTrial]:
        """The trials that it draws by, in their order."""
        return _Seen(study, self._older)._get_trials(deepcopy=False)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        self._group_decomposed_search_space = _GroupDecomposedSearchSpace(include_pruned=True)
        return super().infer_relative_search_space(_Seen(study, self._kinds), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(_Seen(study, self._older), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return super().sample_independent(_Seen(study, self._older), trial, param_name, param_distribution)


class _Once:
    """Finds the trials of a study that have ended, each of them once."""

    def __init__(self) -> None:
        self._count = 0
        self._unfinished = list[int]()

    def ended(self, trials: list[FrozenTrial], count: int) -> list[FrozenTrial]:
        """Those of the first `count`, or of as many as were asked for before, that have ended since; in their order."""
        count = max(self._count, count)
        candidates = [trials[number] for number in (*self._unfinished, *range(self._count, count))]
        self._count = count
        self._unfinished = [trial.number for trial in candidates if not trial.state.is_finished()]
        return [trial for trial in candidates if trial.state.is_finished()]


class _Kinds(_Once):
    """What is read to group the parameters that occur together: the first trial of those that have the same ones.

    Any other changes no group. The groups' order is that of the first trials' numbers, whenever they have ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self._first = dict[frozenset[str], FrozenTrial]()

    def read(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        for trial in self.ended(trials, len(trials)):
            if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
                known = self._first.setdefault(frozenset(trial.params), trial)
                if trial.number < known.number:
                    self._first[frozenset(trial.params)] = trial
        return sorted(self._first.values(), key=lambda trial: trial.number)


class _Older(_Once):
    """What is read to draw: the newest, and of the trials before them the best and those that run."""

    def __init__(self) -> None:
        super().__init__()
        self._best = list[FrozenTrial]()
        self._past = list[int]()  # numbers of those that are read no more

    def read(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """All of them, in their order; `trials` are all trials of the study."""
        if ended := self.ended(trials, len(trials) - NEWEST):
            complete = [trial for trial in ended if trial.state == TrialState.COMPLETE]
            known, self._best = self._best, best(self._best + complete, BEST)
            kept = {trial.number for trial in self._best}
            self._past += [trial.number for trial in known + ended if trial.number not in kept]
        older = self._best + [trials[number] for number in self._unfinished]
        return sorted(older, key=lambda trial: trial.number) + trials[-NEWEST:]

    def forget(self, study: Study) -> None:
        """Leaves nothing but their place in the study's memory of the trials that are read no more."""
        if self._past:
            storage: Any = study._storage
            for number in self._past:
                storage._studies[study._study_id].trials[number] = _FORGOTTEN
            self._past = []


class _Seen(Study):
    """A study as seen by a sampler that asks it for its trials."""

    def __init__(self, study: Study, seen: _Older | _Kinds):
        self.__dict__.update(study.__dict__)
        self._seen = seen

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        read = self._seen.read(super()._get_trials(deepcopy, None, use_cache))
        return read if states is None else [trial for trial in read if trial.state in states]


_FORGOTTEN = create_trial(state=TrialState.FAIL)
