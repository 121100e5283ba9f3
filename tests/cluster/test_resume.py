"""A search that is killed or stopped goes on by the same command, and ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas
import pytest

from raykd.runs.trial import read_epochs
from raykd.space.serialise import from_file
from raykd.storage.artifacts import Store
from raykd.training.loop import distill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
TRIALS = 6
STUDY = """
from raykd import Recipe, Study, Teacher
from raykd.data.digits import Digits
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher
from raykd.models.cnn import CNN

recipe = Recipe(
    data=Digits(), student=CNN(widths=(4, 6)), teacher=Teacher(model=CNN(widths=(6, 8)), epochs=2, every=1),
    terms=(CrossEntropy(weight=0.1), KD()), epochs=12,
)
study = Study(
    recipe=recipe,
    choices={
        "terms/quest": {"off": None, "on": Quest(words=16)},
        "route": {"final teacher": FinalTeacher(), "equal interval": EqualInterval(count=2)},
    },
    ranges={"terms/quest/words": None, "route/count": None},
    grace=6,
)
"""


@pytest.fixture
def study_file(tmp_path):
    file = tmp_path / "small.py"
    file.write_text(STUDY)
    return file


def start(study_file, *options):
    command = [sys.executable, str(ROOT / "launch" / "tune.py"), "--study", str(study_file), "--address", "local"]
    options = ("--storage", str(study_file.parent / "runs"), *options)
    return subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def wait_for_trials(process, count):
    """Reads what a search prints until it has told of `count` trials that are done."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        count -= "trials done" in line
        if not count:
            return "".join(lines)
    raise AssertionError("".join(lines))


def test_killed_then_stopped_by_ctrl_c_then_finished(study_file, threads):
    killed = start(study_file, "--trials", str(TRIALS), "--slots", "1", "--name", "search")
    wait_for_trials(killed, 3)
    time.sleep(1.0)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()

    stopped = start(study_file, "--slots", "1", "--name", "search", "--resume")
    wait_for_trials(stopped, 2)
    stopped.send_signal(signal.SIGINT)
    output, _ = stopped.communicate(timeout=120)
    assert stopped.returncode == 130, output
    assert "go on with: python" in output
    folder = study_file.parent / "runs" / "search"
    assert json.loads((folder / "summary.json").read_text())["test_accuracy"] is None
    written = {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("trials/*/checkpoint.pt")}
    table = pandas.read_csv(folder / "trials.csv").set_index("name")
    finished = set(table[table["outcome"] != "unfinished"].index)
    assert finished

    rest = start(study_file, "--slots", "1", "--name", "search", "--resume")
    output, _ = rest.communicate(timeout=300)
    assert rest.returncode == 0, output
    table = pandas.read_csv(folder / "trials.csv").set_index("name")
    assert len(table) == TRIALS + 2
    assert set(table["outcome"]) <= {"complete", "stopped"}
    for name in finished:
        checkpoint = folder / "trials" / name / "checkpoint.pt"  # those of the worse are not kept
        assert not checkpoint.exists() or checkpoint.stat().st_mtime_ns == written[name], "trained again"
    threads(os.cpu_count() or 1)  # as the one slot's worker, that has all CPUs
    for name, row in table.iterrows():
        recipe = from_file(folder / "trials" / str(name) / "recipe.json")
        undisturbed = distill(recipe, store=Store(study_file.parent / "runs" / "artifacts"))
        told = read_epochs(folder / "trials" / str(name))
        assert len(told) == row["epochs"]
        for record, epoch in zip(told, undisturbed, strict=False):
            assert {key: record[key] for key in epoch.metrics} == epoch.metrics


def test_two_searches_at_once_share_one_teacher(study_file):
    # Each seed of a confirmation would have a teacher of its own.
    options = ("--trials", "1", "--slots", "1", "--confirm", "0")
    searches = [start(study_file, *options, "--name", name) for name in ("one", "two")]
    outputs = [search.communicate(timeout=300)[0] for search in searches]
    assert [search.returncode for search in searches] == [0, 0], "\n".join(outputs)
    assert len(list((study_file.parent / "runs" / "artifacts" / "route").iterdir())) == 1
    tables = [pandas.read_csv(study_file.parent / "runs" / name / "trials.csv") for name in ("one", "two")]
    columns = ["name", "outcome", "val/accuracy", "test/accuracy"]
    assert tables[0][columns].equals(tables[1][columns])
    assert sum("teacher: epoch" in output for output in outputs) <= 1
