"""What a search knows of its trials, and writes into its ledger as it comes."""

from pathlib import Path

from raykd.cluster.tuner.ended_trials import Record
from raykd.cluster.tuner.history import History
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.ledger import Ledger, read_ledger

CONFIG = {"number": 0, "values": {"lr": 0.1}, "first": False}


def ended(name: str, kind: str) -> Record:
    return Record(name=name, config=CONFIG, end=TrialOutcome(kind=kind, accuracy=0.5, epochs=2))


def test_what_it_is_told_it_writes_but_for_the_epoch_that_ends_a_trial(tmp_path: Path):
    history = History(Ledger(tmp_path))
    history.begin("a", CONFIG, drawn=[{"lr": 0.2}])
    history.epoch("a", 1, 0.25, is_last=False)
    history.epoch("a", 2, 0.5, is_last=True)
    assert (history.told("a"), history.told("b")) == (2, 0)
    history.end(ended("a", "stopped"), of_tune="t0", again=False)
    history.fall_behind("b")
    assert list(read_ledger(tmp_path)) == [
        {"begin": "a", "config": CONFIG, "drawn": [{"lr": 0.2}]},
        {"epoch": 1, "of": "a", "accuracy": 0.25},
        {"end": "a", "kind": "stopped", "accuracy": 0.5, "epochs": 2, "again": False},
        {"behind": "b"},
    ]
    assert history.told("a") == 0


def test_epochs_are_written_when_the_driver_closes_it_at_the_latest(tmp_path: Path):
    history = History(Ledger(tmp_path))
    history.begin("a", CONFIG)
    history.epoch("a", 1, 0.25, is_last=False)
    history.close()
    assert [entry for entry in read_ledger(tmp_path) if "epoch" in entry] == [{"epoch": 1, "of": "a", "accuracy": 0.25}]


def test_one_that_had_failed_and_is_gone_on_with_is_unfinished():
    history = History()
    for name in ("a", "b"):
        history.begin(name, CONFIG)
    again = history.begun["a"]
    history.end(ended("a", "failed"), of_tune="t0", again=True)
    history.end(ended("b", "complete"), of_tune="t1", again=False)
    assert {record.name: record.end.kind for record in history.found()} == {"a": "failed", "b": "complete"}
    history.begun["a"] = again  # as the next driver has it
    history.go_on_with("a")
    assert {record.name: record.end.kind for record in history.found()} == {"a": "unfinished", "b": "complete"}
