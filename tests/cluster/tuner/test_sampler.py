"""TPE over a bounded history: Optuna's own draws while it is short, from the newest and the best when it is long."""

import pickle
from random import Random
from typing import Any

import optuna
import pytest
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from raykd.cluster.tuner import sampler as module
from raykd.cluster.tuner.sampler import BoundedTPE

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


class Remembering(BoundedTPE):
    """Forgets no trial that it reads no more."""

    def look(self, study):
        module._Seen(study, self._kinds)._get_trials(deepcopy=False)


class Own(TPESampler):
    """Optuna's, seeded anew for each trial."""

    def __init__(self, *, seed: int, **options: Any):
        super().__init__(seed=seed, group=True, **options)

    def before_trial(self, study, trial):
        super().before_trial(study, trial)
        self._rng.rng.seed(number := Random(f"0 {trial.number}").getrandbits(32))
        self._random_sampler._rng.rng.seed(number)


Kind = type[BoundedTPE] | type[Own]


def drawn(kind_of_sampler: Kind, trials: int) -> list[dict[str, float]]:
    return searched(kind_of_sampler, trials)[0]


def searched(kind_of_sampler: Kind, trials: int) -> tuple[list[dict[str, float]], optuna.Study]:
    """What a sampler draws for a study with a conditional range, some trials pruned, two at a time."""
    sampler = kind_of_sampler(seed=0, multivariate=True, constant_liar=True)
    study, running = optuna.create_study(sampler=sampler, direction="maximize"), list[optuna.Trial]()
    draws = list[dict[str, float]]()
    for _ in range(trials):
        running.append(trial := study.ask())
        kind, rate = trial.suggest_categorical("kind", ["a", "b"]), trial.suggest_float("rate", 0.0, 1.0)
        of_kind = trial.suggest_float("b/weight", 0.0, 1.0) if kind == "b" else 0.5
        draws.append(trial.params)
        if len(running) == 2:
            done = running.pop(0)
            done.report(rate, 1)
            pruned = done.number % 3 == 0
            study.tell(done, None if pruned else rate + of_kind, TrialState.PRUNED if pruned else TrialState.COMPLETE)
    return draws, study


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEWEST", 15)
    monkeypatch.setattr(module, "BEST", 3)


def test_a_short_search_draws_as_with_optunas_own():
    assert drawn(BoundedTPE, 40) == drawn(Own, 40)


@pytest.mark.usefixtures("bounded")
def test_a_long_one_does_not():
    long, own = drawn(BoundedTPE, 40), drawn(Own, 40)
    assert long[:15] == own[:15]
    assert long != own


@pytest.mark.usefixtures("bounded")
def test_what_is_read_no_more_is_forgotten_and_missed_by_nothing():
    (draws, study), whole = searched(BoundedTPE, 60), searched(Remembering, 60)
    assert draws == whole[0]
    assert study.best_trial.params == whole[1].best_trial.params
    known = [trial.number for trial in study.trials if trial.params]
    assert known[3:] == list(range(60 - 16, 60))  # when the last was asked for, it was the sixteenth
    best = sorted(whole[1].trials[: 60 - 16], key=lambda trial: trial.value or 0.0)[-3:]
    assert known[:3] == sorted(trial.number for trial in best)


@pytest.mark.usefixtures("bounded")
def test_a_study_does_not_grow():
    short, long = (len(pickle.dumps(searched(BoundedTPE, trials)[1])) for trials in (40, 80))
    assert long - short < 40 * 30  # its place alone; a trial takes 600 bytes
    assert len(pickle.dumps(searched(Remembering, 80)[1])) - long > 60 * 250


def numbers(study: optuna.Study, older: module._Older, **options: Any) -> list[int]:
    read = module._Seen(study, older)._get_trials(deepcopy=False, **options)
    return [trial.number for trial in read]


def test_the_newest_the_best_and_those_that_run_are_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "NEWEST", 4)
    monkeypatch.setattr(module, "BEST", 2)
    study = optuna.create_study(direction="maximize")
    for value in (0.1, 0.9, 0.2, 0.8, None, 0.3, 0.7, 0.4, None, 0.5):
        trial = study.ask()
        trial.report(1.0, 1)
        study.tell(trial, value, TrialState.COMPLETE if value is not None else TrialState.PRUNED)
    running, older = study.ask(), module._Older()
    assert numbers(study, older) == [1, 3, 7, 8, 9, 10]
    assert numbers(study, older, states=(TrialState.COMPLETE,)) == [1, 3, 7, 9]
    for _ in range(4):
        study.tell(study.ask(), 0.0)
    assert numbers(study, older) == [1, 3, 10, 11, 12, 13, 14]  # it runs still
    study.tell(running, 1.0)
    assert numbers(study, older) == [1, 10, 11, 12, 13, 14]


def test_the_groups_are_the_same_in_whatever_order_trials_end():
    """A sampler of a search that goes on is told at once what another was told bit by bit."""
    study, waiting = optuna.create_study(direction="maximize"), list[optuna.Trial]()
    bit_by_bit, at_once = module._Kinds(), module._Kinds()
    for number in range(12):
        waiting.append(trial := study.ask())
        for name in ("ab", "abc", "bd")[number % 3]:
            trial.suggest_float(name, 0.0, 1.0)
        if len(waiting) == 5:
            study.tell(waiting.pop(-2), 0.5)
            module._Seen(study, bit_by_bit)._get_trials(deepcopy=False)
    ways = [module._Seen(study, kinds)._get_trials(deepcopy=False) for kinds in (bit_by_bit, at_once)]
    assert [trial.number for trial in ways[0]] == [trial.number for trial in ways[1]]
    assert len(ways[0]) == 3
