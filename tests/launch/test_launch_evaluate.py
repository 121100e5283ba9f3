"""`launch/evaluate.py` as a person runs it: on a run, a trial and a search's winner, what it keeps and refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from raykd.data.digits import Digits
from raykd.evaluation import evaluate
from raykd.models.cnn import CNN
from run_commands import Finished, run, run_several, write_study


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, a search whose winner is that run's student, and one of which nothing is done."""
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    made = run("distill", "--study", "small.py", "--name", "first", folder=folder)
    assert (made.code, made.error) == (0, "")
    first, search = folder / "runs/first", folder / "runs/search"
    trial = search / "trials/trial-0001"
    trial.mkdir(parents=True)
    for name in ("recipe.json", "checkpoint.pt", "epochs.jsonl"):
        shutil.copyfile(first / name, trial / name)
    shutil.copyfile(first / "recipe.json", search / "best_recipe.json")
    shutil.copyfile(first / "student.safetensors", search / "student.safetensors")
    (search / "summary.json").write_text(json.dumps({"best": "trial-0001"}))
    (folder / "runs/begun/trials").mkdir(parents=True)
    (folder / "runs/begun/summary.json").write_text(json.dumps({"best": None}))
    return folder


@pytest.fixture(scope="module")
def measured(place: Path) -> Finished:
    return run("evaluate", "runs/first", folder=place)


def kept(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "evaluation.json").read_text())


def rows(text: str) -> dict[str, list[str]]:
    cells = ([cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if "│" in line)
    return {name: values for name, *values in cells}


def test_the_values_are_shown_and_kept(measured: Finished, place: Path):
    assert (measured.code, measured.error) == (0, "")
    network = CNN(widths=(3, 4)).build(10, (1, 8, 8))
    network.network.load_state_dict(load_file(place / "runs/first/student.safetensors"))
    expected = evaluate(network, Digits().load())
    values = kept(place / "runs/first")["validation"]
    assert values == pytest.approx(expected, abs=1e-3)
    table = rows(measured.out)
    assert table["top-1 accuracy"] == [f"{values['top_1']:.4f}", "", ""]
    assert table["retrieval, mAP"] == ["", *(f"{values[f'mean_average_precision/{m}']:.4f}" for m in ("cosine", "l2"))]
    assert len(table) == 8
    lines = measured.out.splitlines()
    assert lines[1] == "the student of runs/first, on the validation split:"
    assert lines[-1] == "kept in runs/first/evaluation.json"


@pytest.mark.usefixtures("measured")
def test_a_second_measurement_adds_to_the_first(place: Path):
    before = kept(place / "runs/first")
    again, tested = run_several(
        "evaluate", [("first", "--measure", "accuracy"), ("first", "--test", "--measure", "accuracy")], folder=place
    )
    assert (again.code, tested.code) == (0, 0)
    assert "it now has" not in again.out + tested.out
    after = kept(place / "runs/first")
    summary = json.loads((place / "runs/first/summary.json").read_text())
    assert after == before | {"test": after["test"]}
    assert after["test"]["top_1"] == summary["test_accuracy"]
    assert before["validation"]["top_1"] == summary["metrics"]["val/accuracy"]


@pytest.mark.usefixtures("measured")
def test_a_value_that_changes_and_another_student_are_told(place: Path, tmp_path: Path):
    copy = tmp_path / "runs/copy"
    shutil.copytree(place / "runs/first", copy)
    content = kept(copy)
    content["validation"]["top_1"] = 0.9876
    (copy / "evaluation.json").write_text(json.dumps(content))
    (changed,) = run_several("evaluate", [("copy", "--measure", "accuracy")], folder=tmp_path)
    value = kept(copy)["validation"]["top_1"]
    assert f"evaluation.json had top_1 0.9876; it now has {value:.4f}" in changed.out.splitlines()

    weights = load_file(copy / "student.safetensors")
    save_file({name: torch.zeros_like(tensor) for name, tensor in weights.items()}, copy / "student.safetensors")
    before = kept(copy)
    (other,) = run_several("evaluate", [("copy", "--measure", "accuracy")], folder=tmp_path)
    name = f"evaluation-{before['student'][:8]}.json"
    assert f"evaluation.json was of another student; it is kept as {name}" in other.out.splitlines()
    assert json.loads((copy / name).read_text()) == before
    assert kept(copy).keys() == {"student", "validation"}
    assert kept(copy)["validation"].keys() == {"top_1", "top_5"}


def test_a_trial_and_the_winner_of_a_search(place: Path, measured: Finished):
    calls = [("runs/search/trials/trial-0001", "--measure", "accuracy"), ("search", "--measure", "accuracy")]
    trial, search = run_several("evaluate", calls, folder=place)
    assert "the student of runs/search/trials/trial-0001 after 2 of 2 epochs, on the validation split:" in trial.out
    assert "trial-0001 of runs/search, on the validation split:" in search.out
    values = kept(place / "runs/first")["validation"]
    for folder in (place / "runs/search", place / "runs/search/trials/trial-0001"):
        assert kept(folder) == {
            "student": kept(place / "runs/first")["student"],
            "validation": {name: values[name] for name in ("top_1", "top_5")},
        }


def test_held_out_classes_that_the_student_knows_are_told(place: Path):
    call = ("runs/search", "--measure", "identification", "--held-out", "8,9")
    (ended,) = run_several("evaluate", [call], folder=place)
    assert ended.code == 0
    assert "identification: the student was trained on held-out classes" in ended.out
    assert rows(ended.out).keys() == {"identification at rank 1"}


def test_what_cannot_be_measured_is_refused_in_one_line(place: Path):
    runs = place / "runs"
    for name in ("unfinished", "torn", "foreign", "empty", "misfit", "taken"):
        (runs / name).mkdir()
    for name in ("unfinished", "torn", "misfit", "taken"):
        shutil.copyfile(runs / "first/recipe.json", runs / name / "recipe.json")
    for name in ("foreign", "taken"):
        shutil.copyfile(runs / "first/student.safetensors", runs / name / "student.safetensors")
    (runs / "torn/student.safetensors").write_bytes(b"torn")
    own = (runs / "first/recipe.json").read_text().replace('"kd"', '"mine.KD"')
    (runs / "foreign/recipe.json").write_text(own)
    save_file({"weight": torch.zeros(1)}, runs / "misfit/student.safetensors")
    (runs / "taken/evaluation.json").write_text("[]")
    mistakes = {
        (): "needs the folder of a search, run or trial, or its name; in runs there are ",
        ("--storage", "none"): "needs the folder of a search, run or trial, or its name; in none there is none yet",
        ("runs/frist",): "no folder 'runs/frist'; did you mean runs/first",
        ("runs/empty",): "runs/empty is no folder of a search, run or trial: it has no best_recipe.json or recipe.json",
        ("begun",): "no trial of runs/begun has finished; name one of its trials, such as runs/begun/trials/",
        ("unfinished",): "runs/unfinished has no student: no epoch is finished",
        ("torn",): "runs/torn/student.safetensors is torn, or holds no weights",
        ("foreign",): "runs/foreign/recipe.json: unknown class 'mine.KD'",
        ("misfit",): "the weights of the student of runs/misfit do not fit the network of its recipe",
        ("taken",): "runs/taken/evaluation.json holds no evaluation of raykd; move it out of the way",
        ("search", "--measure", "retreival"): "unknown measure 'retreival'; did you mean retrieval",
        ("search", "--measure", "identification"): "identification needs held-out classes",
        ("search", "--held-out", "8-9"): "--held-out: needs classes such as 7,8,9, got '8-9'",
        ("search", "--held-out", "12"): "held out: the validation split has no images of class 12",
        ("search", "--device", "gpu"): "unknown device 'gpu'; choices: cpu",
        ("search", "--tset"): "unknown option --tset; did you mean --test?",
        ("search", "first"): "unexpected 'first'",
    }
    for (words, message), ended in zip(
        mistakes.items(), run_several("evaluate", list(mistakes), folder=place), strict=True
    ):
        assert (ended.code, ended.out) == (1, ""), (words, ended)
        assert ended.error.startswith(f"error: {message}"), (words, ended.error)
        assert "\n" not in ended.error, words
    assert (runs / "taken/evaluation.json").read_text() == "[]"
