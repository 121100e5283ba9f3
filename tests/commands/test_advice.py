"""What a command says to type next: it can be typed where it is printed, and means what it should."""

import argparse
import contextlib
import functools
import io
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

import raykd.__main__
from raykd.commands import again, called, called_with_all_commands, parse
from raykd.commands.parsers import make_parser, run_script, tune
from raykd.runs.folder_format import FORMAT
from raykd.signals import SearchInterrupted
from run_commands import LAUNCH, ROOT, type_in

STORAGE = "s3://bucket/a prefix?scheme=http"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, the only one that is searched: this Python and `raykd`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("python", "raykd"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python3"))
    return folder


def typed(*words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", list(words))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("{bin}/raykd", ["raykd"]),
        (".venv/bin/raykd", [".venv/bin/raykd"]),
        ("launch/tune.py", ["python", "launch/tune.py"]),
        ("/clone/raykd/__main__.py", ["python", "-m", "raykd"]),
    ],
)
def test_a_program_is_called_as_it_was(script: str, expected: list[str], programs: Path, monkeypatch):
    typed(script.format(bin=programs), monkeypatch=monkeypatch)
    assert called() == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("{bin}/raykd", ["raykd"]),
        (".venv/bin/raykd", [".venv/bin/raykd"]),
        ("launch/tune.py", ["python", "-m", "raykd"]),
        ("/clone/raykd/__main__.py", ["python", "-m", "raykd"]),
    ],
)
def test_another_command_is_called_where_there_are_all(script: str, expected: list[str], programs: Path, monkeypatch):
    typed(script.format(bin=programs), monkeypatch=monkeypatch)
    assert called_with_all_commands() == expected


def test_another_python_is_called_by_its_path(programs: Path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/venv/bin/python")
    typed("launch/tune.py", monkeypatch=monkeypatch)
    assert called() == ["/venv/bin/python", "launch/tune.py"]


@pytest.mark.usefixtures("programs")
def test_again_is_the_same_line_with_more_words(monkeypatch):
    typed("launch/tune.py", "--name", "two words", monkeypatch=monkeypatch)
    assert again() == "python launch/tune.py --name 'two words'"
    assert again("--resume") == "python launch/tune.py --name 'two words' --resume"


@pytest.mark.usefixtures("programs")
def test_again_leaves_options_out_with_their_values(monkeypatch):
    words = ["--resume", "--more-trials", "5", "--seed=3", "--storage", "x", "--name", "a", "--verbose"]
    typed("raykd", "tune", *words, monkeypatch=monkeypatch)
    left = again("--resume", "a", without=("--resume", "--more-trials", "--seed", "--name"))
    assert left == "raykd tune --storage x --verbose --resume a"
    assert again(without=("--storag",)) == again()


def options_of(line: str) -> argparse.Namespace:
    """The options of a printed `raykd tune` or `launch/tune.py`, read as that command reads them."""
    words = shlex.split(line)
    if words[0] == "raykd":
        options = vars(parse(raykd.__main__.parser(), words[1:]))
        assert (options.pop("command"), options.pop("run")) == ("tune", tune.run)
        return argparse.Namespace(**options)
    assert words[:2] == ["python", "launch/tune.py"]
    return parse(make_parser(tune), words[2:])


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("script", [("raykd", "tune"), ("launch/tune.py",)], ids=["raykd", "launch"])
@pytest.mark.parametrize("begun", [("--trials", "8", "--seed", "3"), ("--resume", "--more-trials=2"), ("--name", "s")])
def test_a_search_goes_on_with_the_options_that_it_had(script, begun, monkeypatch):
    def stopped_at_once(study: raykd.Study, **given: Any) -> raykd.Result:
        raise SearchInterrupted(Path("search"))

    monkeypatch.setattr("raykd.commands.tune.tune", stopped_at_once)
    kept = ["--address", "local", "--workers", "1-4", "--slots", "2", "--study", "compose", "--storage", STORAGE]
    typed(*script, *kept, *begun, monkeypatch=monkeypatch)
    main = raykd.__main__.main if script[0] == "raykd" else functools.partial(run_script, tune)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main() == 130
    line = out.getvalue().splitlines()[-1].removeprefix("stopped before the end; go on with: ")
    assert options_of(line) == parse(make_parser(tune), [*kept, "--resume", "search"])


@pytest.mark.usefixtures("programs")
def test_a_search_over_own_pictures_goes_on_with_the_study_that_was_written_for_it(monkeypatch):
    def stopped_at_once(*_: Any, **__: Any) -> raykd.Result:
        raise SearchInterrupted(Path("search"))

    monkeypatch.setattr("raykd.commands.tune.tune", stopped_at_once)
    monkeypatch.setattr("raykd.commands.own_study.own_study", lambda *_: None)
    own = ["--data", "photos", "--student", "cnn", "--teacher", "it.pth", "--minutes", "3", "--skip-bad", "--size=64"]
    typed("raykd", "tune", *own, "--slots", "2", "--storage", STORAGE, monkeypatch=monkeypatch)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert raykd.__main__.main() == 130
    line = out.getvalue().splitlines()[-1].removeprefix("stopped before the end; go on with: ")
    assert options_of(line) == parse(make_parser(tune), ["--slots", "2", "--storage", STORAGE, "--resume", "search"])


def status(storage: Path, options: dict[str, Any] | None, file: str | None, monkeypatch) -> str:
    """What `raykd status` says of a stopped search whose record has such options, or none as before there were any."""
    folder = storage / "search"
    folder.mkdir(parents=True)
    record = {"study": "small", "recipe": "abc", "trials": 2, "seed": 0, "versions": {}, "format": FORMAT, "file": file}
    (folder / "search.json").write_text(json.dumps(record | ({} if options is None else {"options": options})))
    typed("raykd", "status", str(storage), monkeypatch=monkeypatch)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert raykd.__main__.main() == 0
    return out.getvalue().splitlines()[1].removeprefix("  go on with: ")


@pytest.mark.usefixtures("programs")
def test_status_says_how_to_go_on_from_beside(tmp_path: Path, monkeypatch):
    recorded = {"workers": [1, 8], "slots": 1, "slots_per_gpu": "auto", "address": "local"}
    options = options_of(status(tmp_path / "two words", recorded, "/x/small.py", monkeypatch))
    expected = parse(make_parser(tune), ["--resume", "search", "--storage", str(tmp_path / "two words")])
    expected.workers, expected.slots, expected.slots_per_gpu, expected.address = (1, 8), 1, "auto", "local"
    assert options == expected


@pytest.mark.usefixtures("programs")
def test_status_of_a_search_from_before_options_were_recorded(tmp_path: Path, monkeypatch):
    assert status(tmp_path / "runs", None, "x.py", monkeypatch) == (
        f"raykd tune --resume search --storage {tmp_path / 'runs'}"
    )


@pytest.mark.usefixtures("programs")
def test_status_of_a_search_from_a_notebook_is_python(tmp_path: Path, monkeypatch):
    line = status(tmp_path / "runs", {"workers": [1, 8], "address": "local"}, None, monkeypatch)
    given = eval(line, {"raykd": argparse.Namespace(tune=lambda study, **given: given), "study": None})
    assert given == {
        "storage": str(tmp_path / "runs"),
        "name": "search",
        "resume": True,
        "workers": (1, 8),
        "address": "local",
    }


def test_both_ways_of_calling_say_so_in_their_help(tmp_path: Path):
    for line in (f"{sys.executable} {LAUNCH / 'tune.py'}", f"{sys.executable} -m raykd tune"):
        shown = type_in(f"{line} --help", folder=tmp_path)
        prog = " ".join(shown.out.removeprefix("usage: ").partition(" [-h]")[0].split())
        assert f"\n    {prog} --study compose " in shown.out
        again = type_in(f"{prog} --list", folder=tmp_path)
        assert (again.code, again.error) == (0, "")
        assert len(again.out.splitlines()) == len(list((ROOT / "search_spaces").glob("*.py")))
        assert again.out.startswith("digits ")
