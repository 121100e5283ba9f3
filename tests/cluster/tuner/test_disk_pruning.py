"""What is kept of trials that have ended."""

import pytest

from raykd.cluster.tuner import disk_pruning
from raykd.cluster.tuner.disk_pruning import KEPT, Pruning
from raykd.runs.status import TrialOutcome
from raykd.storage.local import LocalStorage


def complete(accuracy):
    return TrialOutcome(kind="complete", accuracy=accuracy, epochs=3)


ENDED = {f"trial-{number:04d}-x": complete(number / 100) for number in range(8)} | {
    "trial-0008-x": TrialOutcome(kind="stopped", accuracy=0.99, epochs=1),
    "trial-0009-x": TrialOutcome(kind="failed", accuracy=None, epochs=2),
    "trial-0010-x": TrialOutcome(kind="diverged", accuracy=0.0, epochs=2),
    "plain-KD-x": complete(0.001),
}
STAY = {f"trial-{number:04d}-x" for number in range(8 - KEPT, 8)} | {"trial-0009-x", "plain-KD-x"}


@pytest.fixture
def trials(tmp_path):
    for name in [*ENDED, "trial-0011-running"]:
        (tmp_path / name).mkdir()
        for file in ("checkpoint.pt", "checkpoint.previous.pt", "epochs.jsonl"):
            (tmp_path / name / file).write_text("")
    return tmp_path


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(disk_pruning.time, "monotonic", lambda: now[0])
    return now


def with_checkpoints(trials):
    return {file.parent.name for file in trials.glob("*/checkpoint.pt")}


def test_the_others_lose_their_checkpoints_a_while_after_their_end(trials, clock):
    pruner = Pruning(trials, LocalStorage(root=trials.parent))
    for name, end in ENDED.items():
        pruner.ended(name, end)
    pruner.prune()
    assert len(list(trials.glob("*/checkpoint*.pt"))) == 2 * (len(ENDED) + 1)
    clock[0] += 61.0
    pruner.prune()
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        assert {file.parent.name for file in trials.glob(f"*/{name}")} == STAY | {"trial-0011-running"}
    assert len(list(trials.glob("*/epochs.jsonl"))) == len(ENDED) + 1


def test_a_trial_is_kept_until_better_ones_have_ended(trials, clock):
    pruner = Pruning(trials, LocalStorage(root=trials.parent))
    for number in (7, 6, 5, 4, 0):
        pruner.ended(f"trial-{number:04d}-x", complete(number / 100))
    clock[0] += 61.0
    pruner.prune()
    assert "trial-0000-x" in with_checkpoints(trials)
    pruner.ended("trial-0003-x", complete(0.03))
    pruner.prune()
    assert "trial-0000-x" not in with_checkpoints(trials)
    assert {f"trial-{number:04d}-x" for number in (3, 4, 5, 6, 7)} <= with_checkpoints(trials)


def test_a_failed_trial_that_was_tried_again_is_like_any_other(trials, clock):
    pruner = Pruning(trials, LocalStorage(root=trials.parent))
    pruner.ended("trial-0009-x", ENDED["trial-0009-x"])
    pruner.ended("trial-0009-x", TrialOutcome(kind="stopped", accuracy=0.5, epochs=3))
    clock[0] += 61.0
    pruner.prune()
    assert "trial-0009-x" not in with_checkpoints(trials)


def test_what_cannot_be_deleted_now_is_deleted_later(trials, clock, monkeypatch):
    pruner, away = Pruning(trials, LocalStorage(root=trials.parent)), OSError("the storage is away")
    pruner.ended("trial-0008-x", ENDED["trial-0008-x"])
    clock[0] += 61.0
    with monkeypatch.context() as broken:
        broken.setattr(disk_pruning, "checkpoints_in", lambda trial: (_ for _ in ()).throw(away))
        pruner.prune()
    assert "trial-0008-x" in with_checkpoints(trials)
    pruner.prune()
    assert "trial-0008-x" not in with_checkpoints(trials)
