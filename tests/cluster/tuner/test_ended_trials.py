"""A trial that has ended leaves Tune, and a record of it stays."""

from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial

from raykd.cluster.tuner.ended_trials import EndedTrials, Record
from raykd.runs.status import TrialOutcome


def trial(name: str, status: str) -> Trial:
    made = Trial("stub", stub=True, trial_id=name, config={"number": 3, "values": {"a": 0.5}})
    made.set_status(status)
    return made


def record(name: str, state: str = "complete") -> Record:
    end = TrialOutcome(kind=state, accuracy=None if state == "failed" else 0.5, epochs=2)
    return Record(id=name, name=f"trial-{name}", config={"number": 3, "values": {"a": 0.5}}, end=end)


def controller(*trials: Trial) -> Any:
    """What Tune's keeps of its trials."""
    return SimpleNamespace(
        _trials=list(trials),
        _live_trials={trial for trial in trials if trial.status != Trial.TERMINATED},
        _stopped_trials={trial for trial in trials if trial.status == Trial.TERMINATED},
        _trials_to_cache=set(trials),
        _trial_metadata={trial.trial_id: "saved" for trial in trials},
    )


def known(controller: Any) -> list[str]:
    """The trials that a controller knows, in all that it knows them in."""
    names = [trial.trial_id for trial in controller._trials]
    assert {trial.trial_id for trial in controller._live_trials | controller._stopped_trials} == set(names)
    assert {trial.trial_id for trial in controller._trials_to_cache} == set(controller._trial_metadata) == set(names)
    return names


def test_a_trial_that_has_ended_leaves_tune_once_there_is_a_record_of_it():
    statuses = {"a": "TERMINATED", "b": "RUNNING", "c": "TERMINATED", "d": "PENDING", "e": "TERMINATED"}
    of_tune, records = controller(*(trial(name, status) for name, status in statuses.items())), EndedTrials()
    records.take_out(of_tune)
    assert known(of_tune) == ["a", "b", "c", "d", "e"]
    for name in "ae":
        records.add(record(name))
    records.take_out(of_tune)
    assert known(of_tune) == ["b", "c", "d", "e"]  # the last stays, as Tune goes on with no search without a trial


def test_one_that_failed_stays_to_be_started_again():
    of_tune, records = controller(trial("a", "ERROR"), trial("b", "TERMINATED")), EndedTrials()
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
