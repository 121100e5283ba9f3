"""`raykd profile`, run on a study that ends in seconds."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import raykd.__main__
from run_commands import Finished, end, start_typed, write_study


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small study and a trace of it, whose storage has the study's teacher."""
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    return folder


@pytest.fixture(scope="module")
def measured(place: Path) -> Finished:
    words = ("--study", "small.py", "--set", "terms/kd/temperature=8", "--out", "t.json")
    return end(start_typed("-m", "raykd", "profile", *words, folder=place))


def profile(*words: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Finished:
    """`raykd profile WORDS`, typed there, in this process."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "argv", ["raykd", "profile", *words])
    code = raykd.__main__.main()
    return Finished(code, *(text.strip() for text in capsys.readouterr()))


def names(lines: Sequence[str]) -> list[str]:
    """What stands before the numbers of each line of the table."""
    return [re.split(r"\s{2,}", line.strip())[0] for line in lines]


def test_the_table_says_where_the_time_went(measured: Finished, place: Path):
    assert (measured.code, measured.error) == (0, "")
    lines = measured.out.splitlines()
    (head,) = (number for number, line in enumerate(lines) if line.startswith("epochs of "))
    assert re.fullmatch(r"epochs of \d+ steps, 256 images each, on the CPU, 1 thread\(s\)", lines[head])
    (end,) = (number for number, line in enumerate(lines) if line.strip().startswith("an epoch"))
    steps = ["teacher", "views", "student forward", "term cross_entropy", "term kd", "loss", "backward", "optimiser"]
    rows = ["start", "route", *steps, "metrics", "validation", "the rest", "writing", "waiting", "an epoch"]
    assert names(lines[head + 2 : end + 1]) == rows
    assert re.fullmatch(r"while it trains: [\d.]+ images/s, [\d.]+ steps/s", lines[end + 1])
    rest = r"the rest is what lies in none of these spans: [\d.]+% of an epoch, [\d.]+% of its processor time"
    assert re.fullmatch(rest, lines[end + 2])
    assert lines[end + 3] == f"trace: {place / 't.json'}; open it in https://ui.perfetto.dev"


def test_the_trace_can_be_read(measured: Finished, place: Path):
    trace = json.loads((place / "t.json").read_text())
    assert trace["otherData"]["device"] == "the CPU, 1 thread(s)"
    assert "8.0" in json.dumps(trace["otherData"]["recipe"])
    spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    laps = {event["args"]["epoch"]: event for event in spans if event["name"] == "epoch"}
    assert laps.keys() == {1, 2}
    for event in spans:
        lap = laps[event["args"]["epoch"]]
        if event["name"] not in ("epoch", "writing", "waiting"):
            assert lap["ts"] - 1 <= event["ts"]  # microseconds, rounded
            assert event["ts"] + event["dur"] <= lap["ts"] + lap["dur"] + 1


def test_nothing_stays_in_the_storage_but_what_the_next_trial_uses(measured: Finished, place: Path):
    assert [file.name for file in (place / "runs").iterdir()] == ["artifacts"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--study small.py --out t.json", "{place}/t.json exists already; choose another --out"),
        ("--study small.py --out no/t.json", "{place}/no/t.json: there is no folder {place}/no"),
        ("--study small.py --epochs 0", "--epochs must be 1 to 2, the recipe's, got 0"),
        ("--study small.py --epochs 3", "--epochs must be 1 to 2, the recipe's, got 3"),
        ("--study small.py --epochs two", "--epochs: invalid int value: 'two'"),
        ("--study small.py --epoch 2", "unknown option --epoch; did you mean --epochs?"),
        ("--study smal.py", "no study 'smal.py'; did you mean small.py"),
        ("--recipe none.json", "none.json: No such file or directory"),
        (
            "--study small.py --set terms/kd/temprature=3",
            "--set: no option 'terms/kd/temprature'; did you mean terms/kd/temperature, terms/quest/temperature, "
            "terms/kd/standardise",
        ),
        ("--study small.py --device gpu", "unknown device 'gpu'; choices: cpu"),
        (
            "--study small.py --set optimiser/lr=1e30 --out wild.json",
            "diverged in epoch 1: loss or class scores are no finite numbers; try a lower --set optimiser/lr=...",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(
    words: str, line: str, measured: Finished, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    before = sorted(place.rglob("*"))
    ended = profile(*words.split(), place=place, capsys=capsys, monkeypatch=monkeypatch)
    assert ended.code == 1
    assert ended.error == f"error: {line.format(place=place)}"
    assert [file for file in sorted(place.rglob("*")) if "__pycache__" not in file.parts] == before


def test_a_single_epoch_and_a_trace_of_a_new_name(
    measured: Finished, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    ended = profile("--study", "small.py", "--epochs", "1", place=place, capsys=capsys, monkeypatch=monkeypatch)
    assert (ended.code, ended.error) == (0, "")
    assert "first epoch" not in ended.out
    (file,) = place.glob("profile-small-*.json")
    assert f"trace: {file}; open it" in ended.out
    assert {event["args"].get("epoch", 1) for event in json.loads(file.read_text())["traceEvents"]} == {1}
