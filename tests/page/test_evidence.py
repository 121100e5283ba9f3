"""What a search's files say comes back as trials, whatever state the search is in."""

import dataclasses
import json
from pathlib import Path

import pytest

from finished_search import COUNT, LOCAL, accuracy, finished_search, recipe, values, write_trial
from raykd.page.evidence import read_evidence
from raykd.space.serialise import to_text


def test_a_finished_search(tmp_path: Path):
    evidence = read_evidence(finished_search(tmp_path / "one"), LOCAL, "finished")
    best, *_, worst = evidence.own
    assert (best.name, best.accuracy, best.test) == ("trial-0015-abc", pytest.approx(accuracy(15)), 0.8)
    assert (worst.name, worst.outcome, len(worst.epochs), worst.test) == ("trial-0000-abc", "stopped", 1, None)
    # Through JSON, as tuples become lists.
    assert (best.values, best.recipe, best.seconds) == (values(15), json.loads(to_text(recipe(15))), 6.0)
    assert [trial.setting for trial in evidence.trials if trial.is_baseline] == ["plain KD", "student alone"]
    assert evidence.best is best
    assert evidence.confirmed is not None and evidence.confirmed.winner is not None
    assert evidence.confirmed.winner.name == best.name
    failed = evidence.trials[-1]  # which left no folder, and is in the table alone
    assert (failed.name, failed.outcome, failed.accuracy, failed.values) == ("trial-0099-abc", "failed", None, {})
    assert len(evidence.own) == COUNT


def test_a_running_search_has_trials_that_no_table_has(tmp_path: Path):
    folder = finished_search(tmp_path / "one")
    for file in ("trials.csv", "summary.json", "confirmation.csv"):
        (folder / file).unlink()
    made = dataclasses.replace(recipe(16), threads=3)  # as many as the search has found, which is no news
    write_trial(folder, "trial-0016-abc", values(16), made, 0.99, epochs=2)
    write_trial(folder, "confirm-01-trial-0015-abc", values(15), recipe(15), 0.9)
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps(status | {"running": ["trial-0016-abc"], "total": 30}))
    evidence = read_evidence(folder, LOCAL, "running")
    newest = evidence.trials[0]
    assert (newest.name, newest.outcome, newest.accuracy) == ("trial-0016-abc", "running", 0.99)
    assert newest.setting == "lr 0.665, seed 2"  # in words, from its recipe
    assert evidence.best is evidence.trials[1]  # the best that ran to its end
    assert evidence.summary is None and evidence.confirmed is None
    assert [trial.name for trial in evidence.confirming] == ["confirm-01-trial-0015-abc"]


def test_what_is_no_search_is_said_in_one_line(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r" is no search: it has no search\.json$"):
        read_evidence(tmp_path, LOCAL, "finished")
