"""A search under control: looked at, stopped and gone on with by real processes, given more trials, planned."""

import json
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pandas
import pytest

from raykd.storage.layout import EPOCHS
from raykd.training.checkpoints import load_checkpoint
from run_commands import Finished, end, look, run, start, type_in, write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LOCAL = ("--address", "local", "--slots", "1")
EPOCHS_OF_A_TRIAL = 30


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a study whose epochs are long enough to be stopped in."""
    long = ("    epochs=2,\n    batch_size=256,\n", f"    epochs={EPOCHS_OF_A_TRIAL},\n    batch_size=8,\n")
    write_study(tmp_path, long, ("trials=1)", "trials=1, grace=30)"))
    return tmp_path


def wait_for(text: str, process: subprocess.Popen[str], folder: Path) -> str:
    """What `raykd status` says as soon as it has such a text."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        said = look("status", "runs/search", folder=folder).out
        if re.search(text, said):
            return said
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    raise AssertionError(look("status", "runs/search", folder=folder))


def kept(search: Path) -> dict[str, tuple[int, int]]:
    """Of each trial the epochs on record and those in its checkpoint."""
    found = {}
    for trial in search.glob("trials/*/"):
        saved = load_checkpoint(trial / "checkpoint.pt")
        found[trial.name] = (len((trial / EPOCHS).read_text().splitlines()), saved["number"] if saved else 0)
    return found


def words_to_go_on(ended: Finished) -> list[str]:
    """The words of the command that a stopped search tells to go on with."""
    assert (ended.code, ended.error) == (130, ""), ended
    (told,) = re.findall(
        r"^stopped before the end; go on with: \S*python\S* \S*tune\.py (.*)$", ended.out, re.MULTILINE
    )
    return shlex.split(told)


def summary(search: Path) -> dict[str, Any]:
    return json.loads((search / "summary.json").read_text())


def test_looked_at_stopped_politely_and_given_more_trials(place: Path):
    search = place / "runs/search"
    process = start("tune", "--study", "small.py", "--trials", "2", "--name", "search", *LOCAL, folder=place)
    said = wait_for(r"trial-0000-\w+: epoch \d+ of 30, validation accuracy 0\.\d{4}", process, place)
    assert re.search(r"^search \(study small\): running, 2 of 4 trials done, best so far 0\.\d+ \(", said)
    assert f"process {process.pid} on " in said
    assert "last epoch 0:0" in said

    again = run("tune", "--resume", "search", *LOCAL, folder=place)
    assert again.code == 1
    assert again.error.startswith(f"error: {search} is running already (process {process.pid} on ")

    before = kept(search)
    asked = look("stop", "runs/search", folder=place)
    assert (asked.code, asked.error) == (0, "")
    assert asked.out.startswith("runs/search ends after its running epochs; everything is kept; go on with: ")
    words = words_to_go_on(end(process))
    assert words == ["--study", "small.py", *LOCAL, "--resume", "search"]
    after = kept(search)
    assert all(lines == checkpoint for lines, checkpoint in after.values()), "an epoch was cut off"
    (running,) = [name for name in after if name.startswith("trial-0000")]
    assert before[running][0] <= after[running][0] < EPOCHS_OF_A_TRIAL
    assert set(after) == set(before), "a trial was begun after the stop"
    said = look("status", "runs", folder=place).out
    assert said.startswith("search (study small): stopped, 2 of 4 trials done")
    (line,) = re.findall(r"^  go on with: (.*)$", said, re.MULTILINE)
    assert line.endswith(" -m raykd tune --resume search --storage runs --slots 1 --address local")
    assert summary(search)["test_accuracy"] is None

    ended = {name: (search / "trials" / name / "checkpoint.pt").stat().st_mtime_ns for name in after if name != running}
    whole = type_in(f"{line} --more-trials 1", folder=place)
    assert (whole.code, whole.error) == (0, ""), whole
    table: Any = pandas.read_csv(search / "trials.csv").set_index("name")
    assert sorted(name[:10] for name in table.index if name.startswith("trial-")) == [
        f"trial-000{number}" for number in range(3)
    ]
    assert len(table) == 5
    assert set(table["outcome"]) == {"complete"}
    first = summary(search)
    assert first["test_accuracy"] is not None

    (place / "elsewhere").mkdir()  # the study is found by the search's own record
    more = run(
        "tune", "--resume", "search", "--more-trials", "2", "--storage", "../runs", *LOCAL, folder=place / "elsewhere"
    )
    assert (more.code, more.error) == (0, ""), more
    table = pandas.read_csv(search / "trials.csv").set_index("name")
    assert len(table) == 7
    assert json.loads((search / "search.json").read_text())["trials"] == 5
    files = {name: search / "trials" / name / "checkpoint.pt" for name in ended}  # of the worse it may be deleted
    assert {name: file.stat().st_mtime_ns for name, file in files.items() if file.exists()}.items() <= ended.items()
    best = table["val/accuracy"].idxmax()  # a baseline may be it
    assert summary(search)["best"] == best
    assert summary(search)["test_accuracy"] == pytest.approx(table["test/accuracy"][best])
    assert set(table[table["test/accuracy"].notna()].index) == {best, *table[table["baseline"]].index}
    said = look("status", "runs/search", folder=place).out
    assert said.startswith("search (study small): finished, 7 of 7 trials done")
    assert summary(search)["verdict"] in said
    assert f"({best}): " in summary(search)["verdict"]
    assert all(name in said for name in table.index)


def test_sigterm_keeps_all_as_ctrl_c_does(place: Path):
    process = start("tune", "--study", "small.py", "--name", "search", *LOCAL, folder=place)
    wait_for(r"student-alone-\w+: epoch \d+ of 30", process, place)
    process.send_signal(signal.SIGTERM)
    words = words_to_go_on(end(process))
    after = kept(place / "runs/search")
    assert summary(place / "runs/search")["test_accuracy"] is None
    whole = run("tune", *words, folder=place)
    assert (whole.code, whole.error) == (0, ""), whole
    table = pandas.read_csv(place / "runs/search/trials.csv")
    assert list(table["outcome"]) == ["complete"] * 3
    assert set(after) <= set(table["name"])


@pytest.mark.parametrize("how", ["SIGTERM", "raykd stop"])
def test_stopped_while_the_teacher_trains(how: str, tmp_path: Path):
    write_study(tmp_path, ("epochs=4, every=2, batch_size=256", "epochs=500, every=100, batch_size=16"))
    process = start("tune", "--study", "small.py", "--name", "search", *LOCAL, folder=tmp_path)
    said = wait_for("teacher: epoch [0-9]+ of 500", process, tmp_path)
    assert "running, 0 of 3 trials done, best so far none yet, last epoch none yet" in said
    if how == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    else:
        assert look("stop", "runs/search", folder=tmp_path).code == 0
    assert words_to_go_on(end(process))[-2:] == ["--resume", "search"]
    assert "search (study small): stopped, 0 of 3 trials done" in look("status", "runs", folder=tmp_path).out


def test_a_dry_run_says_the_time_and_keeps_nothing(place: Path):
    words = ("--study", "small.py", "--trials", "10", "--workers", "1", "--price-per-hour", "36", "--dry-run", *LOCAL)
    early = run("tune", *words, folder=place)
    assert (early.code, early.error) == (0, "")
    assert "1 trial(s) at a time, 1 worker(s) each, " in early.out
    assert "study small: 10 trials and 2 baselines, at most 30 epochs each" in early.out
    assert re.search(r"terms/kd/temperature\W+1\.0 to 20\.0 \(log\)", early.out)
    assert re.search(r"terms/quest\W+one of 'off', 'on'", early.out)
    assert re.search(r"time: about [\d:]+, at most [\d:]+, [\d:]+ of it for the teacher, not counting ", early.out)
    assert re.search(r"cost: about [\d.]+, at most [\d.]+, at 36 an hour", early.out)
    assert not (place / "runs").exists()

    assert run("teacher", "--study", "small.py", folder=place).code == 0
    before = {path: path.stat().st_mtime_ns for path in (place / "runs").rglob("*")}
    told = run("tune", *words, folder=place)
    assert (told.code, told.error) == (0, "")
    (seconds,) = re.findall(r"an epoch of the base recipe took (\d+\.\d\d) s", told.out)
    (most,) = re.findall(r"cost: about [\d.]+, at most ([\d.]+), at 36 an hour", told.out)
    assert float(most) == pytest.approx(12 * 30 * float(seconds) / 100, rel=0.2, abs=0.1)
    assert {path: path.stat().st_mtime_ns for path in (place / "runs").rglob("*")} == before
