"""What is kept of trials that have ended."""

import pytest

from raykd.cluster import pruning
from raykd.cluster.pruning import KEPT, Pruning, kept
from raykd.search_state import Ended


def complete(accuracy):
    return Ended(state="complete", accuracy=accuracy, epochs=3)


ENDED = {f"trial-{number:04d}-x": complete(number / 100) for number in range(8)} | {
    "trial-0008-x": Ended(state="stopped", accuracy=0.99, epochs=1),
    "trial-0009-x": Ended(state="failed", accuracy=None, epochs=2),
    "trial-0010-x": Ended(state="diverged", accuracy=0.0, epochs=2),
    "plain-KD-x": complete(0.001),
}
STAY = {f"trial-{number:04d}-x" for number in range(8 - KEPT, 8)} | {"trial-0009-x", "plain-KD-x"}


def test_the_best_the_failed_and_the_baselines_are_kept():
    assert kept(ENDED) == STAY


@pytest.fixture
def trials(tmp_path):
    for name in [*ENDED, "trial-0011-running"]:
        (tmp_path / name).mkdir()
        for file in ("checkpoint.pt", "checkpoint.previous.pt", "epochs.jsonl"):
            (tmp_path / name / file).write_text("")
    return tmp_path


def test_the_others_lose_their_checkpoints_a_while_after_their_end(trials, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(pruning.time, "monotonic", lambda: clock[0])
    pruner = Pruning(trials)
    pruner.prune(ENDED)
    assert len(list(trials.glob("*/checkpoint*.pt"))) == 2 * (len(ENDED) + 1)
    clock[0] += 61.0
    pruner.prune(ENDED)
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        assert {file.parent.name for file in trials.glob(f"*/{name}")} == STAY | {"trial-0011-running"}
    assert len(list(trials.glob("*/epochs.jsonl"))) == len(ENDED) + 1
