"""A search that goes on from its ledger does what it would have done, at whatever line its driver has died."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import two_goals
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from ray.tune.experiment import Trial
from ray.tune.search import Searcher
from small_studies import tiny_study

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.ended_trials import Record, kind_of_end
from raykd.cluster.tuner.replay import Replayed, lines_of_known, replay
from raykd.cluster.tuner.scheduler import ASHA
from raykd.cluster.tuner.searcher import StudySearch
from raykd.cluster.tuner.trials import Trials
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.ledger import Ledger, read_ledger
from raykd.storage.layout import LEDGER
from raykd.storage.local import LocalStorage
from raykd.studies.confirmation import Confirmation
from raykd.studies.study import Study

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
WANTED = 7  # trials of the search, with two baselines
CONTROLLER: Any = None
EPOCHS = 4


@pytest.fixture(autouse=True)
def wanted() -> Iterator[None]:
    ConfirmingSearch.begin(WANTED, Confirmation(seeds=1, finalists=1))
    ProgressCallback.begin(lambda event: None, each_step=lambda: None)
    yield
    ProgressCallback.driver = None
    ConfirmingSearch.begin(0, Confirmation(seeds=0, finalists=1))


def accuracy(name: str, epoch: int) -> float:
    """Of a trial after an epoch: by its name, so that it is the same whoever trains it."""
    return int(name.rpartition("-")[2][:4], 16) / 2**17 + epoch / 10


@dataclass
class Driver:
    """What a driver of a search does, but for Ray: one trial at a time, each of them told and judged as by Tune."""

    trials: Trials

    def __post_init__(self) -> None:
        study, cost = self.trials.study, self.trials.cost_of_setting if self.trials.costs else None
        self.own = StudySearch(study, 3, [study.complete(values) for values in study.first], cost)
        self.search = ConfirmingSearch(self.own, self.trials)
        entries = list(read_ledger(self.trials.folder))
        self.replayed: Replayed = replay(self.trials, entries, self.own, self.search, Ledger(self.trials.folder))
        ProgressCallback.history = self.replayed.history
        self.scheduler = ASHA(study, self.trials, self.replayed.judged)
        self.history = self.replayed.history
        self.count = 0

    def run(self) -> dict[str, TrialOutcome]:
        """All that is left to do; how all trials have ended."""
        while self.step():
            pass
        self.history.close()
        return self.ends()

    def ends(self) -> dict[str, TrialOutcome]:
        return {record.name: record.end for record in self.history.records}

    def step(self) -> bool:
        """Trains one trial to its end; whether there was one."""
        self.count += 1
        config = self.search.suggest(f"t{self.count}")
        if config == Searcher.FINISHED:
            return False
        trial = Trial("stub", stub=True, trial_id=f"t{self.count}", config=config)
        self.scheduler.on_trial_add(CONTROLLER, trial)
        name = self.trials.name(config)
        # Its workers go on after the last epoch that they wrote, and tell of that once more.
        for epoch in range(max(1, self.history.told(name)), EPOCHS + 1):
            result = {"val/accuracy": accuracy(name, epoch), "epoch": epoch, "finished": epoch == EPOCHS, "error": ""}
            stops = result["finished"] or self.scheduler.on_trial_result(CONTROLLER, trial, result) == "STOP"
            if not stops:
                self.search.on_trial_result(trial.trial_id, result)
            if epoch > self.history.told(name):
                self.history.epoch(name, epoch, result["val/accuracy"], is_last=stops)
            if stops:
                self.end(trial, name, result)
                return True
        raise AssertionError("the last epoch is finished")

    def end(self, trial: Trial, name: str, result: dict[str, Any]) -> None:
        self.scheduler.on_trial_complete(CONTROLLER, trial, result)
        self.search.on_trial_complete(trial.trial_id, result)
        end = TrialOutcome(kind=kind_of_end(result), accuracy=result["val/accuracy"], epochs=result["epoch"])
        record = Record(name=name, config=trial.config, end=end)
        self.history.end(record, of_tune=trial.trial_id, again=False)


def in_folder(folder: Path, study: Study | None = None) -> Trials:
    (folder / ".raykd").mkdir(parents=True, exist_ok=True)
    return Trials(study or tiny_study(), folder, LocalStorage(root=folder))


def lines(folder: Path) -> list[str]:
    return [json.dumps(entry) for entry in read_ledger(folder)]


def with_ledger(folder: Path, lines: list[str]) -> Trials:
    """A search whose driver has died after these lines."""
    made = in_folder(folder)
    (folder / LEDGER).mkdir()
    (folder / LEDGER / "000001.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return made


def knows(driver: Driver) -> list[Any]:
    """What the sampler draws by, and the rungs judge by."""
    trials = [
        (one.number, one.state, one.params, one.values, one.last_step and one.intermediate_values[one.last_step])
        for one in driver.own._asking.optuna.trials
    ]
    rungs = driver.scheduler._brackets[0]._rungs
    return [trials, [(rung, sorted(known.values())) for rung, known in rungs if rung < EPOCHS]]  # there nobody is left


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, TrialOutcome], list[Any]]:
    """The ledger of a search that nothing has cut off, how its trials ended, and what it knew in the end."""
    ConfirmingSearch.begin(WANTED, Confirmation(seeds=1, finalists=1))
    ProgressCallback.begin(lambda event: None, each_step=lambda: None)
    driver = Driver(in_folder(tmp_path_factory.mktemp("undisturbed")))
    ends = driver.run()
    return lines(driver.trials.folder), ends, knows(driver)


def test_the_search_itself_has_all_that_a_search_can_have(undisturbed):
    text, ends, _ = undisturbed
    kinds = [json.loads(line).keys() & {"begin", "epoch", "end", "behind"} for line in text]
    assert {"begin"} in kinds and {"end"} in kinds and {"epoch"} in kinds
    assert {end.kind for end in ends.values()} == {"complete", "stopped"}
    assert sum(name.startswith("confirm-") for name in ends) == 3


def test_a_search_of_two_goals_too(tmp_path):
    ConfirmingSearch.begin(10, Confirmation(seeds=0, finalists=1))
    whole = Driver(replace(two_goals.trials(tmp_path), folder=in_folder(tmp_path / "whole").folder))
    ends, text = whole.run(), lines(tmp_path / "whole")
    assert {end.kind for end in ends.values()} == {"complete", "stopped"}
    place = [place for place, line in enumerate(text) if '{"epoch": 2, "of": "trial-' in line][-2]
    half = with_ledger(tmp_path / "half", text[: place + 1])
    driver = Driver(replace(two_goals.trials(tmp_path), folder=half.folder))
    assert driver.run() == ends
    assert driver.own._asking.optuna.trials[-1].params == whole.own._asking.optuna.trials[-1].params


@pytest.mark.parametrize("share", [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9])
def test_killed_after_some_lines_it_ends_as_if_nothing_had_happened(undisturbed, tmp_path, share):
    text, ends, known = undisturbed
    driver = Driver(with_ledger(tmp_path, text[: round(share * len(text))]))
    assert driver.run() == ends
    assert knows(driver) == known


def test_killed_again_and_again_it_ends_as_if_nothing_had_happened(undisturbed, tmp_path):
    """After each trial: between two of them nothing waits to be written."""
    _, ends, known = undisturbed
    trials = in_folder(tmp_path)
    while (driver := Driver(trials)).step():
        pass  # the next driver goes on
    assert driver.ends() == ends
    assert knows(driver) == known


def test_what_has_ended_is_not_begun_again(undisturbed, tmp_path):
    text, ends, _ = undisturbed
    driver = Driver(with_ledger(tmp_path, text))
    assert driver.ends() == ends
    assert not driver.step()
    assert lines(tmp_path) == text


def test_a_finished_search_that_wants_more_draws_what_a_longer_one_would_have(tmp_path):
    ConfirmingSearch.begin(4, Confirmation(seeds=0, finalists=1))
    Driver(in_folder(tmp_path / "short")).run()
    ConfirmingSearch.begin(6, Confirmation(seeds=0, finalists=1))
    more = Driver(in_folder(tmp_path / "short")).run()
    assert more == Driver(in_folder(tmp_path / "long")).run()
    assert len(more) == 6


def test_more_seeds_later_train_only_those_that_are_new(undisturbed, tmp_path):
    text, ends, _ = undisturbed
    ConfirmingSearch.begin(WANTED, Confirmation(seeds=2, finalists=1))
    more = Driver(with_ledger(tmp_path, text)).run()
    assert {name: more[name] for name in ends} == ends
    again = {name[11:-8] for name in ends if name.startswith("confirm-01-")}  # whom, but for the recipe's hash
    assert {name[:11] for name in more.keys() - ends.keys()} == {"confirm-02-"}
    assert {name[11:-8] for name in more.keys() - ends.keys()} == again


def test_a_trial_that_runs_is_given_out_first_under_its_name(undisturbed, tmp_path):
    text, _, _ = undisturbed
    cut = next(place for place, line in enumerate(text) if '"begin": "trial-0002' in line) + 2
    driver = Driver(with_ledger(tmp_path, text[:cut]))
    (name,) = driver.history.begun
    (record,) = [record for record in driver.history.found() if record.end.kind == "unfinished"]
    assert (record.name, record.end.epochs) == (name, 1)
    assert driver.trials.name(driver.search.suggest("new")) == name
    assert [line for line in lines(tmp_path) if f'"begin": "{name}"' in line] == [text[cut - 2]]


def test_epochs_that_the_ledger_lacks_are_the_trials_own_but_for_the_last(undisturbed, tmp_path):
    text, _, _ = undisturbed
    cut = next(place for place, line in enumerate(text) if '"begin": "trial-0002' in line) + 2
    trials = with_ledger(tmp_path, text[:cut])
    (name,) = Driver(trials).history.begun
    (tmp_path / "trials" / name).mkdir(parents=True)
    records = [json.dumps({"number": number, "val/accuracy": number / 8}) for number in (1, 2, 3)]
    (tmp_path / "trials" / name / "epochs.jsonl").write_text("\n".join(records) + "\n")
    begun = Driver(trials).history.begun[name]
    assert (begun.told, begun.epochs) == (1, {1: accuracy(name, 1), 2: 0.25})


def test_one_whose_slot_died_again_and_again_is_tried_once_more_by_the_next_driver(undisturbed, tmp_path):
    text, ends, _ = undisturbed
    place = next(place for place, line in enumerate(text) if '"end": "trial-0002' in line)
    end = json.loads(text[place])
    failed = json.dumps(end | {"kind": "failed", "accuracy": None, "epochs": 0, "again": True})
    driver = Driver(with_ledger(tmp_path, [*text[:place], failed, *text[place + 1 :]]))
    assert driver.ends()[end["end"]].kind == "failed"
    assert driver.step()
    assert driver.ends() == ends
    assert not driver.step()
    assert Driver(driver.trials).ends() == ends


def test_what_an_earlier_search_knew_is_known_again(tmp_path):
    study = tiny_study()
    whole = study.complete({"terms/quest": "on", "optimiser/lr": 0.1})
    chosen = {path: CategoricalDistribution(list(options)) for path, options in study.choices.items()}
    ranges = chosen | study.ranges_of({path: whole[path] for path in chosen})
    told: dict[str, Any] = {"params": whole, "distributions": ranges, "intermediate_values": {4: 0.9}}
    known = [create_trial(state=TrialState.COMPLETE, value=0.9, **told), create_trial(state=TrialState.PRUNED, **told)]
    trials = in_folder(tmp_path)
    Ledger(tmp_path).begin(lines_of_known(known))
    found = Driver(trials).own._asking.optuna.trials
    assert [(one.state, one.value, one.params, one.intermediate_values) for one in found] == [
        (one.state, one.value, one.params, one.intermediate_values) for one in known
    ]


BEGIN = {"begin": "trial-0000-00000000", "config": {"number": 0, "values": {}, "first": False}, "drawn": []}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"what": "is this"}, r"/ledger has a line that is none of raykd's: \{\"what\": \"is this\"\}$"),
        ({"epoch": 1, "of": "nobody", "accuracy": 0.5}, "/ledger has a line that is none of raykd's: "),
        ({"end": "nobody", "kind": "complete", "accuracy": 0.5, "epochs": 4, "again": False}, "none of raykd's: "),
        (BEGIN | {"config": {}}, "/ledger has a line that is none of raykd's: "),
        (BEGIN | {"config": BEGIN["config"] | {"values": tiny_study().complete({})}}, "a trial trial-0000-00000000, "),
        (BEGIN | {"begin": "../../there", "config": {"baseline": "plain KD"}}, r"a trial \.\./\.\./there, which its "),
        (BEGIN | {"config": {"baseline": "plain KD", "confirm": "1"}}, "a confirmation of what it has not trained, "),
        (BEGIN | {"config": {"number": 3, "confirm": 1}}, "a confirmation of what it has not trained, "),
        ({"known": {"other": 1}, "state": "complete", "accuracy": 0.5, "epoch": 1}, r"to know the setting \{'other': "),
    ],
)
def test_a_line_that_a_search_could_not_have_written_is_one_line(tmp_path, line, why):
    with pytest.raises(ValueError, match=why):
        Driver(with_ledger(tmp_path, [json.dumps(line)]))


def test_an_end_of_an_unknown_kind_is_one_line(undisturbed, tmp_path):
    text, _, _ = undisturbed
    place = next(place for place, line in enumerate(text) if '"end": ' in line)
    end = json.dumps(json.loads(text[place]) | {"kind": "won"})
    with pytest.raises(ValueError, match=r"/ledger has a line that is none of raykd's: \{\"end\": "):
        Driver(with_ledger(tmp_path, [*text[:place], end]))


def test_a_study_that_has_changed_is_one_line(undisturbed, tmp_path):
    text, _, _ = undisturbed
    trials = with_ledger(tmp_path, text)
    ranges = dict.fromkeys(tiny_study().ranges)
    with pytest.raises(
        ValueError, match=r"^the search has had a trial .* put it back as it was, or start a new search$"
    ):
        Driver(replace(trials, study=tiny_study(ranges=ranges)))
