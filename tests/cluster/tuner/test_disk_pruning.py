"""What is kept of trials that have ended."""

import pytest

from raykd.cluster.tuner import disk_pruning
from raykd.cluster.tuner.disk_pruning import KEPT, Pruning
from raykd.protocols.event import SearchResumed, TrialEnded
from raykd.protocols.outcome import TrialOutcome
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


def end(pruner, *names):
    """Trials end; a baseline, that is always kept, lets time pass."""
    for name in names:
        pruner(TrialEnded(trial=name, outcome=ENDED[name]))


def with_checkpoints(trials):
    return {file.parent.name for file in trials.glob("*/checkpoint.pt")}


def test_the_others_lose_their_checkpoints_a_while_after_their_end(trials, clock):
    pruner = Pruning(trials, LocalStorage(root=trials.parent))
    end(pruner, *ENDED)
    assert len(list(trials.glob("*/checkpoint*.pt"))) == 2 * (len(ENDED) + 1)
    clock[0] += 61.0
    end(pruner, "plain-KD-x")
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        assert {file.parent.name for file in trials.glob(f"*/{name}")} == STAY | {"trial-0011-running"}
    assert len(list(trials.glob("*/epochs.jsonl"))) == len(ENDED) + 1


def test_a_trial_is_kept_until_better_ones_have_ended(trials, clock):
    pruner = Pruning(trials, LocalStorage(root=trials.parent))
    end(pruner, *(f"trial-{number:04d}-x" for number in (7, 6, 5, 4, 0)))
    clock[0] += 61.0
    end(pruner, "plain-KD-x")
    assert "trial-0000-x" in with_checkpoints(trials)
    end(pruner, "trial-0003-x")
    assert "trial-0000-x" not in with_checkpoints(trials)
    assert {f"trial-{number:04d}-x" for number in (3, 4, 5, 6, 7)} <= with_checkpoints(trials)


def test_a_failed_trial_that_was_tried_again_is_like_any_other(trials, clock):
    pruner = Pruning(trials, LocalStorage(root=trials.parent))
    end(pruner, "trial-0009-x")
    pruner(TrialEnded(trial="trial-0009-x", outcome=TrialOutcome(kind="stopped", accuracy=0.5, epochs=3)))
    clock[0] += 61.0
    end(pruner, "plain-KD-x")
    assert "trial-0009-x" not in with_checkpoints(trials)


def test_what_cannot_be_deleted_now_is_deleted_later(trials, clock, monkeypatch):
    pruner, away = Pruning(trials, LocalStorage(root=trials.parent)), OSError("the storage is away")
    end(pruner, "trial-0008-x")
    clock[0] += 61.0
    with monkeypatch.context() as broken:
        broken.setattr(disk_pruning, "checkpoints_in", lambda trial: (_ for _ in ()).throw(away))
        end(pruner, "plain-KD-x")
    assert "trial-0008-x" in with_checkpoints(trials)
    end(pruner, "plain-KD-x")
    assert "trial-0008-x" not in with_checkpoints(trials)


def test_a_resumed_search_knows_those_that_ended_before(trials, clock):
    pruner = Pruning(trials, LocalStorage(root=trials.parent))
    pruner(SearchResumed(ended=ENDED))
    clock[0] += 61.0
    end(pruner, "plain-KD-x")
    assert with_checkpoints(trials) == STAY | {"trial-0011-running"}
