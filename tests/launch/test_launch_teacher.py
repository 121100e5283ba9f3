"""`launch/teacher.py` as a person runs it: the route it shows, a second call, and going on after Ctrl-C."""

import argparse
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from raykd import Store, load_study, teacher_route
from raykd.commands.teacher import run_teacher
from raykd.reporting import tensorboard
from run_commands import Finished, end, run, run_several, start, type_in, write_study


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    write_study(folder, ("epochs=4, every=2", "epochs=50, every=10"), name="long")
    return folder


@pytest.fixture(scope="module")
def first(place: Path) -> Finished:
    return run("teacher", "--study", "small.py", folder=place)


def rows(out: str) -> list[list[str]]:
    """The cells of a table's rows."""
    return [re.findall(r"[\d.]+", line) for line in out.splitlines() if re.match(r"\W*\d+\W+\d+\W+0\.\d{4}", line)]


def steps(place: Path, study: str) -> list[int]:
    (board,) = place.glob(f"runs/teachers/{study}-*")
    return [point.step for point in EventAccumulator(str(board)).Reload().Scalars("val/accuracy")]


def route(out: str) -> Path:
    """Where the route lies, as the command says."""
    return Path(next(line for line in out.splitlines() if " lies in " in line).partition(" lies in ")[2])


def test_it_shows_its_route_and_says_where_it_lies(first: Finished, place: Path):
    assert (first.code, first.error) == (0, "")
    assert [row[:2] for row in rows(first.out)] == [["1", "2"], ["2", "4"]]
    assert "trained; it lies in" in first.out
    assert sorted(path.name for path in route(first.out).glob("*.safetensors")) == [
        "checkpoint_0001.safetensors",
        "checkpoint_0002.safetensors",
    ]
    assert steps(place, "small") == [1, 2, 3, 4]


def test_a_second_call_says_that_it_is_there_already(first: Finished, place: Path):
    (again,) = run_several("teacher", [("--study", "small.py")], folder=place)
    assert again.code == 0
    assert f"it was there already, and lies in {route(first.out)}" in again.out
    assert rows(again.out) == rows(first.out)
    assert steps(place, "small") == [1, 2, 3, 4]


def test_a_student_uses_it(first: Finished, place: Path):
    student = run("distill", "--study", "small.py", folder=place)
    assert (student.code, student.error) == (0, "")
    assert f"(teacher: {rows(first.out)[-1][2]})" in student.out
    assert "teacher: epoch" not in student.out
    assert [path.name for path in (place / "runs/artifacts/route").iterdir()] == [route(first.out).name]


def test_ctrl_c_and_the_same_command_end_as_if_nothing_had_happened(place: Path):
    recipe = load_study(place / "long.py").recipe
    assert recipe.teacher is not None
    undisturbed = teacher_route(recipe.teacher, recipe.data, Store(place / "others"), device="cpu")
    process = start("teacher", "--study", "long.py", folder=place)
    while not list(place.glob("runs/artifacts/partial/*/route.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    stopped = end(process)
    assert (stopped.code, stopped.error) == (130, "")
    said = stopped.out.splitlines()[-1]
    finished = int(said.removeprefix("stopped after ").split()[0])
    assert 9 <= finished < 50
    assert said.endswith("teacher.py --study long.py")

    resumed = type_in(said.partition("; go on with: ")[2], folder=place)
    assert (resumed.code, resumed.error) == (0, "")
    assert resumed.out.startswith("teacher: epoch ")
    assert int(resumed.out.split()[2]) > 1  # it did not start anew
    whole, gone_on = undisturbed.folder, route(resumed.out)
    assert gone_on.name == whole.name
    for file in whole.iterdir():
        assert (gone_on / file.name).read_bytes() == file.read_bytes(), file.name
    assert steps(place, "long") == list(range(1, 51))


@pytest.mark.parametrize(
    ("kept", "said"), [(0, "stopped before an epoch was kept"), (2, "stopped after 2 of 4 epochs")]
)
def test_only_kept_epochs_are_counted(
    kept: int, said: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    """Ctrl-C while an epoch's state is written: the epoch was heard of, but cannot be gone on from."""
    states: list[Path] = []
    write = tensorboard.atomic.write

    def interrupted(path: Path, save: Callable[[Path], object], keep: Path | None = None) -> None:
        if path.name == "last.pt":
            states.append(path)
            if len(states) > kept:
                raise KeyboardInterrupt
        write(path, save, keep)

    monkeypatch.setattr(tensorboard.atomic, "write", interrupted)
    options = argparse.Namespace(study=place / "small.py", storage=tmp_path, device="cpu")
    assert run_teacher(options) == 130
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{said}; go on with: ")


def test_sigterm_is_ctrl_c(place: Path):
    write_study(place, ("epochs=4, every=2", "epochs=2000, every=10"), name="longer")
    process = start("teacher", "--study", "longer.py", "--storage", "terminated", folder=place)
    while not list(place.glob("terminated/artifacts/partial/*/route.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    stopped = end(process)
    assert (stopped.code, stopped.error) == (130, "")
    said = stopped.out.splitlines()[-1]
    assert said.startswith("stopped after ")
    assert said.endswith("teacher.py --study longer.py --storage terminated")


def test_what_cannot_work_is_refused_in_one_line(place: Path):
    (place / "file").write_text("")
    write_study(
        place,
        (
            "teacher=Teacher(model=CNN(widths=(4, 6)), epochs=4, every=2, batch_size=256, "
            "optimiser=SGD(schedule=SCHEDULE)),",
            "",
        ),
        ("terms=(CrossEntropy(weight=0.5), KD(weight=0.5)),", ""),
        (', choices={"terms/quest": {"off": None, "on": Quest(words=16)}}', ""),
        name="alone",
    )
    write_study(place, ("every=2, batch_size=256", "every=2, batch_size=9999"), name="big")
    write_study(place, ("every=2, batch_size=256, optimiser=SGD(", "every=2, optimiser=SGD(lr=1e30, "), name="wild")
    mistakes = {
        ("--study", "alone.py"): "the recipe of the study 'alone' has no teacher",
        ("--study", "big.py"): "teacher/batch_size: 9999 is more than the ",
        ("--study", "wild.py"): "the teacher's training diverged in epoch 1; lower its learning rate",
        ("--study", "long"): "no study 'long'; did you mean long.py",
        ("--study", "long.py", "--device", "tpu"): "unknown device 'tpu'; choices: cpu",
        ("--study", "long.py", "--storage", "file"): f"cannot write to the storage {place / 'file'}: ",
        ("--studdy", "long.py"): "unknown option --studdy; did you mean --study?",
        ("long.py",): "unexpected 'long.py': every value follows its option; see --help",
        ("--storage",): "--storage: expected one argument",
    }
    for (words, message), ended in zip(
        mistakes.items(), run_several("teacher", list(mistakes), folder=place), strict=True
    ):
        assert (ended.code, ended.out) == (1, ""), words
        assert ended.error.startswith(f"error: {message}"), (words, ended.error)
        assert "\n" not in ended.error, words
