"""A trial's folder: what is written, what a trial goes on from, and what death in the middle leaves behind."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from raykd.distributed.world import World
from raykd.optim import SGD
from raykd.protocols.epoch import AnchorRatio
from raykd.recipe import Recipe
from raykd.runs.trial import read_epochs, run_trial, saved_epoch
from raykd.space.serialise import from_file
from raykd.storage.artifacts import Store
from raykd.training.checkpoints import load_checkpoint
from tiny import Finished, TinyData, composed, finish, recipe, searching

CPU = torch.device("cpu")
RECIPE = composed()
VALUES = {"terms/kd": "on", "optimiser/lr": 0.05}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def whole(store: Store) -> Finished:
    return finish(RECIPE, store)


def run(folder: Path, store: Store, stop: int | None = None, spec: Recipe = RECIPE, rank: int = 0) -> list[Any]:
    """The epochs of a trial in `folder/trial`, the first `stop` of them; then it is closed, as a scheduler does."""
    epochs = run_trial(spec, folder / "trial", folder / "board", store, VALUES, World(rank, 1, CPU))
    found = list(itertools.islice(epochs, stop))
    epochs.close()  # pyright: ignore[reportAttributeAccessIssue]
    return found


def scalars(folder: Path) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder / "board")).Reload()
    return [(event.step, event.value) for event in events.Scalars("train/loss")]


def logged(folder: Path) -> list[dict[str, float]]:
    facts = ("number", "seconds", "workers", "diverged")
    return [{name: record[name] for name in record if name not in facts} for record in read_epochs(folder / "trial")]


def test_a_folder_holds_all_that_is_known(store: Store, whole: Finished, tmp_path: Path):
    epochs = run(tmp_path, store)
    folder = tmp_path / "trial"
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.previous.pt",
        "checkpoint.pt",
        "epochs.jsonl",
        "recipe.json",
        "values.json",
    ]
    assert from_file(folder / "recipe.json", [TinyData]) == RECIPE
    assert json.loads((folder / "values.json").read_text()) == VALUES
    assert [record["number"] for record in read_epochs(folder)] == [1, 2, 3, 4]
    assert [record["seconds"] for record in read_epochs(folder)] == [epoch.seconds for epoch in epochs]
    assert [record["workers"] for record in read_epochs(folder)] == [1] * 4
    assert logged(tmp_path) == [epoch.metrics for epoch in epochs] == whole.metrics
    saved = load_checkpoint(folder / "checkpoint.pt")
    assert saved is not None and (saved["number"], saved["metrics"]) == (4, whole.metrics[-1])
    losses = whole.column("train/loss")
    assert scalars(tmp_path) == [(number, pytest.approx(loss)) for number, loss in enumerate(losses, 1)]


@pytest.mark.parametrize("stop", [1, 3])
def test_a_trial_goes_on_where_it_stopped(stop: int, store: Store, whole: Finished, tmp_path: Path):
    run(tmp_path, store, stop)
    rest = run(tmp_path, store)
    assert [epoch.number for epoch in rest] == list(range(stop + 1, 5))
    assert logged(tmp_path) == whole.metrics
    assert [step for step, _ in scalars(tmp_path)] == [1, 2, 3, 4]


def test_a_finished_trial_keeps_what_it_has(store: Store, whole: Finished, tmp_path: Path):
    run(tmp_path, store)
    assert run(tmp_path, store) == []
    assert logged(tmp_path) == whole.metrics
    assert len(scalars(tmp_path)) == 4


@pytest.mark.parametrize(("torn", "goes_on_with"), [(["checkpoint"], 2), (["checkpoint", "checkpoint.previous"], 1)])
def test_of_a_torn_checkpoint_the_one_before_it_counts(
    torn: list[str], goes_on_with: int, store: Store, whole: Finished, tmp_path: Path
):
    run(tmp_path, store, 2)
    halves: dict[str, bytes] = {}
    for name in torn:
        file = tmp_path / "trial" / f"{name}.pt"
        halves[name] = file.read_bytes()[:1000]
        file.write_bytes(halves[name])
    assert [epoch.number for epoch in run(tmp_path, store)] == [1, 2, 3, 4][goes_on_with - 1 :]
    for name, half in halves.items():
        assert (tmp_path / "trial" / f"{name}.torn").read_bytes() == half
    assert logged(tmp_path) == whole.metrics
    assert [step for step, _ in scalars(tmp_path)] == [1, 2, 3, 4]


def test_a_torn_last_line_is_repaired(store: Store, whole: Finished, tmp_path: Path):
    """A line cut off in the middle is no epoch; its epoch is trained again where the checkpoint lacks it."""
    run(tmp_path, store, 2)
    file = tmp_path / "trial" / "epochs.jsonl"
    with file.open("a") as lines:
        lines.write('{"number": 3, "seconds": 0.1, "tra')
    assert [record["number"] for record in read_epochs(tmp_path / "trial")] == [1, 2]
    run(tmp_path, store)
    assert len(file.read_text().splitlines()) == 4
    assert logged(tmp_path) == whole.metrics


def test_an_epoch_that_the_checkpoint_lacks_stands_in_the_log_once(store: Store, whole: Finished, tmp_path: Path):
    run(tmp_path, store, 2)
    kept = (tmp_path / "trial" / "checkpoint.pt").read_bytes()
    run(tmp_path, store, 1)
    (tmp_path / "trial" / "checkpoint.pt").write_bytes(kept)  # killed between the line and the checkpoint
    assert [epoch.number for epoch in run(tmp_path, store)] == [3, 4]
    assert logged(tmp_path) == whole.metrics
    assert len((tmp_path / "trial" / "epochs.jsonl").read_text().splitlines()) == 4
    assert [step for step, _ in scalars(tmp_path)] == [1, 2, 3, 4]


def test_a_diverged_epoch_is_logged_and_not_gone_on_from(store: Store, tmp_path: Path):
    epochs = run(tmp_path, store, spec=recipe(optimiser=SGD(lr=1e38)))
    assert epochs[-1].diverged
    record = read_epochs(tmp_path / "trial")[-1]
    assert record["diverged"] and record["val/accuracy"] == 0.0
    saved = saved_epoch(tmp_path / "trial")
    assert (saved["number"] if saved else 0) == epochs[-1].number - 1


def test_other_ranks_write_nothing(store: Store, tmp_path: Path):
    found = run(tmp_path, store, rank=1)
    assert [epoch.number for epoch in found] == [1, 2, 3, 4]
    assert list(tmp_path.iterdir()) == []


def test_no_folder_has_no_epochs(tmp_path: Path):
    assert read_epochs(tmp_path / "trial") == []
    assert saved_epoch(tmp_path / "trial") is None


def ratios_in(folder: Path) -> dict[int, list[AnchorRatio]]:
    """What the log says of each epoch that tells ratios."""
    records = [record for record in read_epochs(folder / "trial") if "ratios" in record]
    return {record["number"]: [AnchorRatio(**ratio) for ratio in record["ratios"]] for record in records}


def drawn_in(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard draws beside the run's own metrics: the points of each checkpoint of the teacher."""
    events = EventAccumulator(str(folder / "board")).Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag.startswith("anchors/")]
    return {tag: [(event.step, round(event.value, 4)) for event in events.Scalars(tag)] for tag in tags}


@pytest.mark.parametrize("stop", [2, 3, 5])
def test_the_ratios_of_a_greedy_trial_are_kept_however_often_it_stops(stop: int, store: Store, tmp_path: Path):
    spec = searching(delta=0.0)
    epochs = run(tmp_path / "whole", store, spec=spec)
    run(tmp_path, store, stop, spec)
    run(tmp_path, store, spec=spec)
    told = {epoch.number: list(epoch.ratios) for epoch in epochs if epoch.ratios}
    assert list(told) == [3, 5]
    assert ratios_in(tmp_path) == ratios_in(tmp_path / "whole") == told
    expected: dict[str, list[tuple[int, float]]] = {}
    for number, ratios in told.items():
        drawn = {ratios[0].anchor_epoch: 1.0} | {ratio.candidate_epoch: round(ratio.ratio, 4) for ratio in ratios}
        for epoch, value in drawn.items():
            expected.setdefault(f"anchors/teacher epoch {epoch}", []).append((number, value))
    assert drawn_in(tmp_path) == drawn_in(tmp_path / "whole") == expected
