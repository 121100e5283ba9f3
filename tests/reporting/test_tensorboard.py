"""Listeners hand every epoch on, and what they wrote can be read by others."""

import errno
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers import Epoch, epochs
from raykd.protocols.epoch import AnchorRatio
from raykd.reporting.tensorboard import tensorboard
from raykd.training.checkpoints import checkpoints, load_checkpoint, previous


def points(folder: Path, tag: str = "val/accuracy") -> list[tuple[int, float]]:
    """What TensorBoard reads: steps and values."""
    events = EventAccumulator(str(folder)).Reload()
    return [(point.step, round(point.value, 6)) for point in events.Scalars(tag)]


def test_tensorboard_hands_every_epoch_on(tmp_path: Path):
    given = list(epochs(3))
    handed_on = list(tensorboard(iter(given), tmp_path))
    assert [id(epoch) for epoch in handed_on] == [id(epoch) for epoch in given]


def test_tensorboard_shows_an_epoch_as_soon_as_it_is_handed_on(tmp_path: Path):
    run = tensorboard(epochs(3), tmp_path)
    next(run)
    assert points(tmp_path) == [(1, 0.1)]
    next(run)
    assert points(tmp_path) == [(1, 0.1), (2, 0.2)]
    assert points(tmp_path, "train/loss") == [(1, 1.0), (2, 0.5)]


def test_no_point_stands_twice_after_resuming(tmp_path: Path):
    list(tensorboard(epochs(4), tmp_path))  # epochs 3 and 4 were not in the checkpoint
    list(tensorboard(epochs(5, first=3), tmp_path, resumed_at=2))
    assert points(tmp_path) == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4), (5, 0.5)]


def test_a_leg_is_drawn_in_the_run_itself_and_none_that_lies_ahead_of_a_resumed_run(tmp_path: Path):
    two = (AnchorRatio(leg=2, anchor=1, candidate=2, anchor_epoch=10, candidate_epoch=20, ratio=1.5),)
    three = (AnchorRatio(leg=3, anchor=2, candidate=3, anchor_epoch=20, candidate_epoch=30, ratio=2.0),)

    def run(first: int) -> Iterator[Epoch]:
        for epoch in epochs(4, first):
            yield replace(epoch, ratios={2: two, 4: three}.get(epoch.number, ()))

    def drawn() -> dict[int, list[tuple[int, float]]]:
        there = EventAccumulator(str(tmp_path)).Reload().Tags()["scalars"]
        tags = {epoch: f"anchors/teacher epoch {epoch}" for epoch in (10, 20, 30)}
        return {epoch: points(tmp_path, tag) for epoch, tag in tags.items() if tag in there}

    list(tensorboard(run(1), tmp_path))
    whole = {10: [(2, 1.0)], 20: [(2, 1.5), (4, 1.0)], 30: [(4, 2.0)]}
    assert drawn() == whole
    again = tensorboard(run(4), tmp_path, resumed_at=3)
    again.send(None)
    assert drawn() == whole
    next(tensorboard(run(1), tmp_path))
    assert not any(drawn().values())
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_what_each_term_has_of_the_loss_is_one_in_all(tmp_path: Path):
    metrics = {"train/loss": 4.0, "train/kd": 2.0, "train/quest": 10.0}
    run = (replace(epoch, metrics=metrics) for epoch in epochs(1))
    list(tensorboard(run, tmp_path, weights={"kd": 0.5, "quest": 0.3}))
    shares = {
        tag: EventAccumulator(str(tmp_path)).Reload().Scalars(tag)[0].value for tag in ("share/kd", "share/quest")
    }
    assert shares == pytest.approx({"share/kd": 0.25, "share/quest": 0.75})


@pytest.mark.parametrize("loss", [0.0, float("nan"), float("inf")])
def test_no_loss_no_share(loss: float, tmp_path: Path):
    run = (replace(epoch, metrics={"train/loss": loss, "train/kd": 0.0}) for epoch in epochs(1))
    list(tensorboard(run, tmp_path, weights={"kd": 0.5}))
    assert "share/kd" not in EventAccumulator(str(tmp_path)).Reload().Tags()["scalars"]


def test_a_run_begun_anew_hides_the_one_before(tmp_path: Path):
    list(tensorboard(epochs(4), tmp_path))
    list(tensorboard(epochs(2), tmp_path))
    assert points(tmp_path) == [(1, 0.1), (2, 0.2)]


def test_closing_a_listener_closes_the_run_it_listens_to(tmp_path: Path):
    closed = []

    def run() -> Iterator[Epoch]:
        try:
            yield from epochs(3)
        finally:
            closed.append(True)

    outermost = checkpoints(tensorboard(run(), tmp_path / "tensorboard"), tmp_path / "checkpoint.pt")
    next(outermost)
    outermost.close()
    assert closed == [True]


def test_no_values_no_row(tmp_path: Path):
    list(tensorboard(epochs(1), tmp_path))
    assert EventAccumulator(str(tmp_path)).Reload().PluginTagToContent.__self__.summary_metadata == {}


def test_checkpoint_comes_back(tmp_path: Path):
    path = tmp_path / "trial" / "checkpoint.pt"
    run = checkpoints(epochs(2), path)
    next(run)
    content = load_checkpoint(path)
    assert content is not None
    assert content["number"] == 1
    assert content["metrics"] == {"train/loss": 1.0, "val/accuracy": 0.1}
    assert torch.equal(content["state"]["weight"], torch.tensor([1, 1]))
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_checkpoints_come_every_n_epochs_and_at_the_last(tmp_path: Path):
    path = tmp_path / "checkpoint.pt"
    saved = [(load_checkpoint(path) or {"number": 0})["number"] for _ in checkpoints(epochs(5), path, every=2)]
    assert saved == [0, 2, 2, 4, 5]


def test_state_is_asked_for_only_where_it_is_saved(tmp_path: Path):
    asked = []

    def run() -> Iterator[Epoch]:
        for number in range(1, 5):
            yield Epoch(number, 4, {}, 0.1, lambda number=number: {"asked": asked.append(number)})

    list(checkpoints(run(), tmp_path / "checkpoint.pt", every=3))
    assert asked == [3, 4]


def test_a_diverged_epoch_is_not_saved(tmp_path: Path):
    path = tmp_path / "checkpoint.pt"
    list(checkpoints(epochs(3, diverged=True), path))
    assert load_checkpoint(path)["number"] == 2


def test_checkpoints_refuse_an_interval_below_one(tmp_path: Path):
    with pytest.raises(ValueError, match="every 1 or more epochs, got 0"):
        checkpoints(epochs(1), tmp_path / "checkpoint.pt", every=0)


def test_no_checkpoint_yet(tmp_path: Path):
    assert load_checkpoint(tmp_path / "checkpoint.pt") is None


@pytest.mark.parametrize("kept", [0, 10, 500, -20])
def test_a_torn_checkpoint_is_named(tmp_path: Path, kept: int):
    path = tmp_path / "checkpoint.pt"
    list(checkpoints(epochs(1), path))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"checkpoint\.pt is no whole checkpoint"):
        load_checkpoint(path)


def test_a_checkpoint_torn_anywhere_is_named(tmp_path: Path):
    """Of some lengths PyTorch's reader says "Invalid argument", as a broken disk would."""
    path = tmp_path / "checkpoint.pt"
    epoch = Epoch(1, 1, {}, 0.1, lambda: {"weight": torch.arange(1500.0)})
    list(checkpoints(iter([epoch]), path))
    whole = path.read_bytes()
    for left in range(0, len(whole), 40):
        path.write_bytes(whole[:left])
        with pytest.raises(ValueError, match=r"checkpoint\.pt is no whole checkpoint"):
            load_checkpoint(path)


def test_a_checkpoint_waits_until_the_disk_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, tried, whole = tmp_path / "checkpoint.pt", list[int](), Path.write_bytes

    def full_once(self: Path, data: bytes) -> int:
        tried.append(len(data))
        if len(tried) == 2:
            whole(self, bytes(data)[:100])
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return whole(self, data)

    monkeypatch.setattr(Path, "write_bytes", full_once)
    for epoch, numbers in zip(checkpoints(epochs(2), path), ([1], [1, 2]), strict=True):
        assert epoch.number == numbers[-1]
        assert [load_checkpoint(file)["number"] for file in (previous(path), path) if file.exists()] == numbers
    assert len(tried) == 3 and tried[1] == tried[2]
    assert {file.name for file in tmp_path.iterdir()} == {"checkpoint.pt", "checkpoint.previous.pt"}


class Harmful:
    def __reduce__(self):
        return (print, ("code of a stranger ran",))


def test_a_foreign_file_runs_no_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "checkpoint.pt"
    torch.save({"number": 1, "metrics": {}, "state": Harmful()}, path)
    with pytest.raises(ValueError, match="is no whole checkpoint"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Harmful(), protocol=2))
    with pytest.raises(ValueError, match="is no whole checkpoint"):
        load_checkpoint(path)
    assert capsys.readouterr().out == ""


def test_a_file_of_other_content_is_named(tmp_path: Path):
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"weights\.pt holds no checkpoint of raykd"):
        load_checkpoint(path)
