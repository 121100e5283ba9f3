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
    return Record(name=f"trial-{name}", config={"number": 3, "values": {"a": 0.5}}, end=end)


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
        records.add(record(name), of_tune=name)
    records.add(record("c"))  # which another driver has had
    records.take_out(of_tune)
    assert known(of_tune) == ["b", "c", "d", "e"]  # the last stays


def test_one_that_failed_stays_with_tune(of_tune):
    add(of_tune, "a", "ERROR")
    add(of_tune, "b", "TERMINATED")
    records = EndedTrials()
    records.add(record("a", "failed"), of_tune="a")
    records.take_out(of_tune)
    assert known(of_tune) == ["a", "b"]


def test_one_that_is_tried_again_has_one_record_that_of_its_last_end():
    records = EndedTrials()
    for name, state in (("a", "failed"), ("b", "stopped")):
        records.add(record(name, state))
    records.discard("trial-a")
    assert [each.name for each in records] == ["trial-b"]
    records.add(record("a"))
    assert [(each.name, each.end.kind) for each in records] == [("trial-b", "stopped"), ("trial-a", "complete")]
