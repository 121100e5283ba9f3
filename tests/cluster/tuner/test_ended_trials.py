"""A trial that has ended leaves Tune, and a record of it stays."""

import json
from pathlib import Path

import pytest
from controllers import add, new_controller
from ray.tune.execution.tune_controller import TuneController

from raykd.cluster.tuner.ended_trials import EndedTrials, Record
from raykd.protocols.outcome import TrialOutcome

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


@pytest.fixture
def of_tune(tmp_path: Path) -> TuneController:
    return new_controller(tmp_path)


def record(name: str, state: str = "complete") -> Record:
    end = TrialOutcome(kind=state, accuracy=None if state == "failed" else 0.5, epochs=2)
    return Record(id=name, name=f"trial-{name}", config={"number": 3, "values": {"a": 0.5}}, end=end)


def known(controller: TuneController) -> list[str]:
    """The trials that a controller knows, all of which it saves, and no other."""
    names = [trial.trial_id for trial in controller.get_trials()]
    assert {trial.trial_id for trial in controller.get_live_trials() | controller._stopped_trials} == set(names)
    controller.save_to_dir()
    saved = json.loads(Path(controller.experiment_state_path).read_text())["trial_data"]
    assert {json.loads(trial)["trial_id"] for trial, _ in saved} == set(names)
    return names


def test_a_trial_that_has_ended_leaves_tune_once_there_is_a_record_of_it(of_tune):
    statuses = {"a": "TERMINATED", "b": "RUNNING", "c": "TERMINATED", "d": "PENDING", "e": "TERMINATED"}
    for name, status in statuses.items():
        add(of_tune, name, status)
    records = EndedTrials()
    records.take_out(of_tune)
    assert known(of_tune) == ["a", "b", "c", "d", "e"]
    for name in "ae":
        records.add(record(name))
    records.take_out(of_tune)
    assert known(of_tune) == ["b", "c", "d", "e"]  # the last stays, as Tune goes on with no search without a trial


def test_one_that_failed_stays_to_be_started_again(of_tune):
    add(of_tune, "a", "ERROR")
    add(of_tune, "b", "TERMINATED")
    records = EndedTrials()
    records.add(record("a", "failed"))
    records.take_out(of_tune)
    assert known(of_tune) == ["a", "b"]
    records.add(record("a"))
    assert [(each.id, each.end.kind) for each in records] == [("a", "complete")]


def test_the_records_go_on_in_the_next_search():
    records = EndedTrials()
    records.add(record("a"))
    resumed = EndedTrials(records.to_save())
    resumed.add(record("b", "failed"))
    assert list(resumed) == [record("a"), record("b", "failed")]
    assert list(records) == [record("a")]
