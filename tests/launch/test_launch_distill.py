"""`launch/distill.py` as a person runs it: what it says and what it leaves behind."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from raykd.data.digits import Digits
from raykd.models.cnn import CNN
from run_commands import Finished, lines_of, run, run_on_a_terminal, run_several, write_study


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small study in it, and its teacher in `runs/`."""
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    return folder


@pytest.fixture(scope="module")
def first(place: Path) -> Finished:
    """The first run in that folder."""
    return run("distill", "--study", "small.py", "--name", "first", "--set", "terms/quest=on", folder=place)


def test_a_run_says_how_good_it_is_and_where_it_lies(first: Finished, place: Path):
    assert (first.code, first.error) == (0, "")
    lines = first.out.splitlines()
    summary = json.loads((place / "runs/first/summary.json").read_text())
    assert lines[0] == f"training on cpu; everything goes to {place / 'runs/first'}"
    assert lines[-4:] == [
        f"validation accuracy {summary['metrics']['val/accuracy']:.4f} (teacher: {summary['teacher']:.4f}) "
        "after 2 epochs",
        f"test accuracy {summary['test_accuracy']:.4f}",
        f"student: {place / 'runs/first/student.safetensors'}",
        f"see it in TensorBoard: tensorboard --logdir {place / 'runs/first/tensorboard'}",
    ]


@pytest.mark.usefixtures("first")
def test_the_student_loads_into_a_plain_network_and_is_as_good(place: Path):
    data = Digits().load()
    network = CNN(widths=(3, 4)).build(10, (1, 8, 8)).network
    network.load_state_dict(load_file(place / "runs/first/student.safetensors"))
    network.eval()
    with torch.inference_mode():
        right = network(data.normalise(data.test.images)).argmax(dim=1) == data.test.labels
    summary = json.loads((place / "runs/first/summary.json").read_text())
    assert right.double().mean().item() == pytest.approx(summary["test_accuracy"], abs=1e-9)


@pytest.mark.usefixtures("first")
def test_the_choice_that_was_made_is_in_the_recipe_and_its_loss_in_tensorboard(place: Path):
    terms = json.loads((place / "runs/first/recipe.json").read_text())["terms"]
    assert [term["type"] for term in terms] == ["cross_entropy", "kd", "quest"]
    events = EventAccumulator(str(place / "runs/first/tensorboard/first")).Reload()
    assert [point.step for point in events.Scalars("train/quest")] == [1, 2]


@pytest.mark.usefixtures("first")
def test_the_recipe_of_a_run_runs_again_and_gives_the_same(place: Path):
    again = run("distill", "--recipe", "runs/first/recipe.json", "--name", "again", folder=place)
    assert (again.code, again.error) == (0, "")
    assert lines_of(place / "runs/again/epochs.jsonl") == lines_of(place / "runs/first/epochs.jsonl")
    files = [(place / "runs" / name / "student.safetensors").read_bytes() for name in ("first", "again")]
    assert files[0] == files[1]


@pytest.mark.usefixtures("first")
def test_a_finished_run_resumed_shows_its_result_and_changes_nothing(place: Path):
    folder = place / "runs/first"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    words = ("--study", "small.py", "--set", "terms/quest=on", "--name", "first", "--resume")
    (shown,) = run_several("distill", [words], folder=place)
    assert (shown.code, shown.error) == (0, "")
    assert shown.out.startswith("validation accuracy 0.")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_terminal_gets_one_line_that_is_rewritten(place: Path, first: Finished):
    shown = run_on_a_terminal("distill", "--study", "small.py", "--name", "shown", folder=place)
    said, current, result = shown.partition("\x1b[?25l")[0], *shown.partition("\x1b[?25l")[2].split("\x1b[?25h")
    assert said.splitlines() == [f"training on cpu; everything goes to {place / 'runs/shown'}"]
    assert "\x1b[2Kepoch 2 of 2, loss " in current
    assert [line for line in result.splitlines() if line.startswith("test accuracy 0.")]
    assert "epoch 2 of 2" not in result
