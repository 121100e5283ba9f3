"""`raykd measure`: what a study's students cost, in a table and in a file that `--costs` takes."""

import re
import sys
from pathlib import Path

import pytest

import raykd.__main__
from raykd.runs.costs import read_costs
from raykd.studies.sizes import aimed, students
from raykd.studies.study_file import load_study
from run_commands import Finished


@pytest.fixture
def measure(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """`raykd measure WORDS`, typed in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: str) -> Finished:
        monkeypatch.setattr(sys, "argv", ["raykd", "measure", *words])
        code = raykd.__main__.main()
        return Finished(code, *(text.strip() for text in capsys.readouterr()))

    return typed


def test_every_student_is_counted_and_timed(measure, tmp_path: Path):
    told = measure("--study", "digits", "--threads", "1", "--device", "cpu")
    assert (told.code, told.error) == (0, "")
    found = read_costs(tmp_path / "costs.json")
    assert found.threads == 1
    expected = students(aimed(load_study("digits"), "latency"))
    assert {key: words for key, (words, _) in expected.items()} == found.words
    for key, cost in found.students.items():
        built = expected[key][1].build(10, (1, 8, 8)).network
        assert cost.parameters == sum(each.numel() for each in built.parameters())
        assert all(cost.latency_ms[size] > 0 for size in (1, 64))
    rows = [line for line in told.out.splitlines() if re.search(r"\d \(", line)]
    assert len(rows) == len(expected)


def test_an_earlier_file_stays_unless_it_is_forced(measure, tmp_path: Path):
    (tmp_path / "mine.json").write_text("{}")
    told = measure("--study", "digits", "--to", "mine.json")
    assert told.code == 1
    assert told.error.endswith("mine.json exists already; --force writes over it, --to names another file")
    assert (tmp_path / "mine.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--threads", "0"), r"--threads must be at least 1, got 0"),
        (("--study", "digit"), r"digit.*did you mean digits"),
        (("--device", "cuda:9"), r"cuda:9"),
    ],
)
def test_what_cannot_be_measured_is_one_line(measure, words: tuple[str, ...], line: str):
    told = measure(*words)
    assert told.code == 1
    assert len(told.error.splitlines()) == 1
    assert re.search(line, told.error)
