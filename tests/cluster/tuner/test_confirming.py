"""The confirmation as Tune is given it: who, with which seeds, in which order, and who gets no more."""

import pytest
from controllers import searching
from ray.tune.search import Searcher
from small_studies import tiny_study

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.ended_trials import Record
from raykd.protocols.event import Event, TotalChanged
from raykd.protocols.outcome import TrialOutcome
from raykd.studies.confirmation import Confirmation

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
WANTED = 5  # the baselines, and three settings


class Driver:
    """Asks for trials and ends them, as Tune would."""

    def __init__(self, search: ConfirmingSearch):
        self.search, self.configs, self.told = search, dict[str, dict](), list[Event]()

    def ask(self) -> str | None:
        """The next trial's id; None for none now; FINISHED."""
        trial = f"t{len(self.configs)}"
        config = self.search.suggest(trial)
        if config is None or config == Searcher.FINISHED:
            return config
        self.configs[trial] = config
        return trial

    def end(self, trial: str, accuracy: float | None, kind: str = "complete") -> None:
        config = self.configs[trial]
        told = {"val/accuracy": accuracy, "epoch": 4, "finished": kind == "complete"} if accuracy is not None else None
        self.search.on_trial_complete(trial, told, error=kind == "failed")
        end = TrialOutcome(kind=kind, accuracy=accuracy, epochs=4)
        record = Record(name=self.search._trials.name(config), config=config, end=end)
        ProgressCallback.history.end(record, of_tune=trial, again=False)

    def run(self, accuracy) -> list[tuple[object, int]]:
        """All that is to be trained from now on, one by one: whose setting, and with which fresh seed."""
        given = []
        while (trial := self.ask()) is not Searcher.FINISHED:
            assert trial is not None
            config = self.configs[trial]
            who = config.get("baseline", config.get("number"))
            if number := config.get("confirm", 0):
                given.append((who, number))
            self.end(trial, accuracy(who, number))
        return given


@pytest.fixture
def driver(tmp_path):
    made = Driver(searching(tiny_study(), tmp_path))
    ProgressCallback.begin(made.told.append, each_step=lambda: None)
    ConfirmingSearch.begin(WANTED, Confirmation(seeds=3, finalists=2))
    yield made
    ProgressCallback.driver = None
    ConfirmingSearch.begin(0, Confirmation(seeds=0, finalists=1))


def by_number(who, number):
    return {"plain KD": 0.5, "student alone": 0.4, 0: 0.6, 1: 0.7, 2: 0.65}[who]


def test_the_best_and_the_baselines_get_every_seed_seed_by_seed(driver):
    given = driver.run(by_number)
    everyone = ["student alone", "plain KD", 1, 2]
    assert given == [(who, number) for number in (1, 2, 3) for who in everyone]
    assert driver.told == [TotalChanged(total=WANTED + 3 * 4)]
    assert driver.ask() == Searcher.FINISHED


def test_while_the_last_trials_of_the_search_run_the_baselines_fill_the_slots(driver):
    running = [driver.ask() for _ in range(WANTED)]
    filled = [driver.configs[driver.ask()] for _ in range(6)]
    assert filled == [
        {"baseline": name, "confirm": number} for number in (1, 2, 3) for name in ("student alone", "plain KD")
    ]
    assert driver.ask() is None  # who the finalists are is not known yet
    for trial in running[:-1]:
        driver.end(trial, 0.5)
    assert driver.ask() is None
    driver.end(running[-1], 0.6)
    assert driver.configs[driver.ask()]["number"] == 2


def test_who_is_clearly_behind_gets_no_more_seeds(driver):
    ConfirmingSearch.begin(WANTED, Confirmation(seeds=5, finalists=2))
    lucky = {2: 0.72}
    given = driver.run(lambda who, number: by_number(who, number) if number else lucky.get(who, by_number(who, 0)))
    assert [number for who, number in given if who == 1] == [1, 2, 3, 4, 5]
    assert [number for who, number in given if who == 2] == [1, 2, 3]
    assert driver.told[-1] == TotalChanged(total=WANTED + 3 * 5 + 3)


def test_a_stopped_a_failed_and_a_diverged_trial_are_no_finalists(driver):
    ends = [(0.5, "complete"), (0.5, "complete"), (0.9, "stopped"), (None, "failed"), (0.8, "diverged")]
    for accuracy, kind in ends:
        driver.end(driver.ask(), accuracy, kind)
    given = driver.run(by_number)
    assert {who for who, _ in given} == {"student alone", "plain KD"}


def test_no_confirmation_where_none_is_wanted(driver):
    ConfirmingSearch.begin(WANTED, Confirmation(seeds=0, finalists=2))
    assert driver.run(by_number) == []
    assert len(driver.configs) == WANTED


def test_a_run_under_a_fresh_seed_differs_by_its_seed_alone(driver):
    trials = driver.search._trials
    for config in ({"baseline": "plain KD"}, {"number": 0, "values": tiny_study().complete({})}):
        plain, fresh = trials.recipe(config), trials.recipe({**config, "confirm": 2})
        assert (fresh.seed, fresh.data) == (plain.seed + 2, plain.data)
        assert trials.name({**config, "confirm": 2}).startswith("confirm-02-")
        assert trials.setting({**config, "confirm": 2}) == f"{trials.setting(config)}, seed 2"
