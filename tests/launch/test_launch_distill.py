"""`launch/distill.py` as a person runs it: what it leaves behind, what it refuses, and going on after Ctrl-C."""

import json
import shlex
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from commands import Finished, end, run, run_on_a_terminal, run_several, start, write_study
from raykd.data.digits import Digits
from raykd.models.cnn import CNN


def lines_of(file: Path) -> list[dict[str, Any]]:
    """What each epoch gave, but for the time it took."""
    if not file.exists():
        return []
    records = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


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
    assert [term["type"].split(".")[-1] for term in terms] == ["CrossEntropy", "KD", "Quest"]
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


@pytest.mark.usefixtures("first")
def test_what_cannot_work_is_refused_in_one_line(place: Path):
    there = place / "runs/first"
    write_study(place, ("study = Study(", "study = dict("), name="no_study")
    (place / "broken.json").write_text('{"type": ')
    (place / "foreign.json").write_text('{"type": "os.system"}')
    (place / "list.json").write_text("[1]")
    (place / "file").write_text("")
    mistakes = {
        ("--name", "first"): f"{there} exists already; go on with it by --resume, or choose another",
        (
            "--name",
            "first",
            "--resume",
        ): f"{place / 'runs/first'} has another recipe: terms/quest is there and not here",
        (
            "--name",
            "first",
            "--resume",
            "--set",
            "terms/quest=on",
            "--seed",
            "5",
        ): f"{place / 'runs/first'} has another recipe: seed is 0 there and 5 here",
        ("--name", "frist", "--resume"): f"no run 'frist' in {place / 'runs'} to resume; did you mean first",
        ("--resume",): f"no run 'small' of this recipe in {place / 'runs'} to resume; say which by --name",
        ("--name", "../first"): "a name has letters, digits, '-', '_' and '.', and begins with a letter or digit",
        ("--name", "artifacts"): "'artifacts' is a folder of the storage itself; choose another name",
        ("--storage", "file/runs"): f"cannot write to the storage {place / 'file/runs'}: Not a directory",
        ("--study", "smal.py"): "no study 'smal.py'; did you mean small.py",
        ("--study", "no_study.py"): "no_study.py sets no variable `study` to a raykd.Study",
        ("--recipe", "none.json"): "none.json: No such file or directory",
        ("--recipe", "broken.json"): "broken.json: Expecting value",
        ("--recipe", "foreign.json"): "foreign.json: unknown class 'os.system'",
        ("--recipe", "list.json"): "list.json holds no recipe",
        ("--device", "cuda:77"): "no device 'cuda:77' here; choices: cpu",
        ("--device", "gpu"): "unknown device 'gpu'; choices: cpu",
        ("--set", "epoch=3"): "--set: no option 'epoch'; did you mean epochs",
        ("--set", "terms/kd/temprature=3"): "--set: no option 'terms/kd/temprature'; did you mean terms/kd/temperature",
        ("--set", "terms/qest=on"): "--set: no option 'terms/qest'; did you mean terms/quest",
        ("--set", "terms/quest=yes"): "terms/quest: unknown choice 'yes'; choices: off, on",
        ("--set", "terms/quest/words=8"): "--set: terms/quest/words goes with another terms/quest than is chosen",
        ("--set", "epochs=many"): "epochs: needs a value of type int, got 'many'",
        ("--set", "epochs=0"): "epochs: epochs must be at least 1, got 0",
        ("--set", "epochs"): "--set: needs PATH=VALUE such as terms/kd/temperature=2, got 'epochs'",
        ("--set", "epochs=1", "--set", "epochs=2"): "--set: epochs is set twice",
        ("--set", "terms/quest=on", "--set", "terms/quest/words=9999999"): "terms/quest: ",
        ("--seed", "one"): "--seed: invalid int value: 'one'",
        ("--nam", "x"): "unknown option --nam; did you mean --name?",
    }
    calls = [words if {"--study", "--recipe"} & set(words) else ("--study", "small.py", *words) for words in mistakes]
    before = sorted((place / "runs").iterdir())
    for (words, message), ended in zip(mistakes.items(), run_several("distill", calls, folder=place), strict=True):
        assert ended.code == 1, words
        assert ended.out == "", words
        assert ended.error.startswith(f"error: {message}"), (words, ended.error)
        assert "\n" not in ended.error, words
    assert sorted((place / "runs").iterdir()) == before


def test_a_fault_of_a_study_shows_where_it_is(place: Path):
    write_study(place, ("epochs=2", "epochs=int('two')"), name="faulty")
    ended = run("distill", "--study", "faulty.py", folder=place)
    assert ended.code == 1
    assert ended.error.startswith("Traceback")
    assert "epochs=int('two')" in ended.error
    assert ended.error.endswith("ValueError: invalid literal for int() with base 10: 'two'")


def test_a_run_that_diverges_says_so_in_one_line(place: Path, first: Finished):
    ended = run("distill", "--study", "small.py", "--name", "wild", "--set", "optimiser/lr=1e30", folder=place)
    assert ended.code == 1
    assert ended.error.startswith("error: diverged in epoch 1: the loss is no finite number")
    assert "\n" not in ended.error
    assert not (place / "runs/wild/student.safetensors").exists()


def test_ctrl_c_and_resume_end_as_if_nothing_had_happened(place: Path, first: Finished):
    words = ("--study", "small.py", "--set", "epochs=60", "--set", "terms/quest=on", "--seed", "3")
    undisturbed = run("distill", *words, "--name", "undisturbed", folder=place)
    assert (undisturbed.code, undisturbed.error) == (0, "")

    process = start("distill", *words, folder=place)  # named by the study and the time
    while not (found := [log for log in place.glob("runs/small-*/epochs.jsonl") if len(lines_of(log)) >= 3]):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    stopped, folder = end(process), found[0].parent
    assert (stopped.code, stopped.error) == (130, "")
    said = stopped.out.splitlines()[-1]
    finished = int(said.removeprefix("stopped after ").split()[0])
    assert 2 <= finished < 60  # the third may not have been kept yet
    told, script, *rest = shlex.split(said.partition("; go on with: ")[2])
    assert (told, Path(script).name, rest) == ("python", "distill.py", [*words, "--name", folder.name, "--resume"])
    assert not (folder / "student.safetensors").exists()

    resumed = run("distill", *rest, folder=place)
    assert (resumed.code, resumed.error) == (0, "")
    for name in ("student.safetensors", "recipe.json", "values.json", "summary.json"):
        assert (folder / name).read_bytes() == (place / "runs/undisturbed" / name).read_bytes(), name
    assert lines_of(folder / "epochs.jsonl") == lines_of(place / "runs/undisturbed/epochs.jsonl")
    events = EventAccumulator(str(folder / "tensorboard" / folder.name)).Reload()
    assert [point.step for point in events.Scalars("val/accuracy")] == list(range(1, 61))


def test_a_terminal_gets_one_line_that_is_rewritten(place: Path, first: Finished):
    shown = run_on_a_terminal("distill", "--study", "small.py", "--name", "shown", folder=place)
    said, current, result = shown.partition("\x1b[?25l")[0], *shown.partition("\x1b[?25l")[2].split("\x1b[?25h")
    assert said.splitlines() == [f"training on cpu; everything goes to {place / 'runs/shown'}"]
    assert "\x1b[2Kepoch 2 of 2, loss " in current
    assert [line for line in result.splitlines() if line.startswith("test accuracy 0.")]
    assert "epoch 2 of 2" not in result
