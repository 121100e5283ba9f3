"""What the commands share: options read or refused in one line, and which errors are the user's."""

import argparse
import errno
import json
import linecache
import math
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import raykd
from commands import LAUNCH, run_several, write_study
from raykd.artifacts import Store
from raykd.commands import INTERRUPTED, again, parse, run_with_clear_errors
from raykd.data.digits import Digits
from raykd.models.cnn import CNN
from raykd.recipe import Recipe
from raykd.search import override
from raykd.serialise import from_file

COMMANDS = sorted(path.stem for path in LAUNCH.glob("*.py"))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(allow_abbrev=False)
    made.add_argument("--trials", type=int)
    made.add_argument("--workers", type=int, default=1)
    made.add_argument("--fast", action="store_true")
    return made


def test_options_are_read():
    options = parse(parser(), ["--trials", "3", "--fast"])
    assert vars(options) == {"trials": 3, "workers": 1, "fast": True}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trails", "3"], "unknown option --trails; did you mean --trials?"),
        (["--trails=3"], "unknown option --trails; did you mean --trials?"),
        (["--trial", "3"], "unknown option --trial; did you mean --trials?"),
        (["--qqqq"], "unknown option --qqqq; see --help"),
        (["--fast", "3"], "unexpected '3': every value follows its option; see --help"),
        (["3", "--wrokers", "2"], "unknown option --wrokers; did you mean --workers?"),
        (["--trials", "many"], "--trials: invalid int value: 'many'"),
        (["--trials"], "--trials: expected one argument"),
        (["--fast=yes"], "--fast: ignored explicit argument 'yes'"),
    ],
)
def test_a_mistyped_line_is_refused(words: list[str], message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse(parser(), words)


def test_again_is_the_same_line_with_more_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["launch/tune.py", "--name", "two words"])
    assert again() == "python launch/tune.py --name 'two words'"
    assert again("--resume") == "python launch/tune.py --name 'two words' --resume"


def test_a_command_that_works_gives_its_own_code(capsys: pytest.CaptureFixture[str]):
    assert run_with_clear_errors(lambda: 5) == 5
    assert capsys.readouterr() == ("", "")


def test_ctrl_c(capsys: pytest.CaptureFixture[str]):
    def command() -> int:
        raise KeyboardInterrupt

    assert run_with_clear_errors(command) == INTERRUPTED
    assert capsys.readouterr() == ("", "stopped\n")


def recipe(**changes) -> Recipe:
    return Recipe(data=Digits(), student=CNN(), **changes)


@pytest.mark.parametrize(
    ("mistake", "line"),
    [
        (lambda folder: recipe(epochs=0), "epochs must be at least 1, got 0"),
        (lambda folder: override(recipe(), {"epoch": 3}), "no option 'epoch'; did you mean epochs"),
        (lambda folder: from_file(folder / "none.json"), "{folder}/none.json: No such file or directory"),
        (lambda folder: (folder / "x" / "y").write_text(""), "{folder}/x/y: No such file or directory"),
        (lambda folder: folder.write_text(""), "{folder}: Is a directory"),
    ],
)
def test_what_a_user_can_mend_is_one_line(mistake, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run_with_clear_errors(lambda: mistake(tmp_path)) == 1
    assert capsys.readouterr() == ("", f"error: {line.format(folder=tmp_path)}\n")


def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str]):
    def command() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert run_with_clear_errors(command) == 1
    assert capsys.readouterr() == ("", "error: No space left on device\n")


def test_an_error_of_several_lines_becomes_one(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "torn.json").write_text('{"type": "two\\nlines"}')
    assert run_with_clear_errors(lambda: from_file(tmp_path / "torn.json")) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (lambda folder: torch.tensor([[1], [2, 3]]), ValueError),  # PyTorch's
        (lambda folder: {}["word"], KeyError),
        (lambda folder: recipe(epochs="many"), Exception),  # TypeError, or what checks types in these tests
    ],
)
def test_a_fault_of_the_program_is_not_hidden(fault, kind: type[Exception], tmp_path: Path):
    with pytest.raises(kind):
        run_with_clear_errors(lambda: len(Store(tmp_path).get("word", "key", fault).parts))


def test_of_errors_that_end_in_our_frame_those_that_a_line_of_ours_raises_are_for_the_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(ValueError, match="math domain error"):
        run_with_clear_errors(_in_the_package("return math.sqrt(-1)", monkeypatch))  # by compiled code
    with pytest.raises(KeyError, match="word"):
        run_with_clear_errors(_in_the_package("return {}['word']", monkeypatch))  # by Python
    assert capsys.readouterr().err == ""
    assert run_with_clear_errors(_in_the_package("raise KeyError('no word')", monkeypatch)) == 1
    assert capsys.readouterr().err == "error: no word\n"


def _in_the_package(line: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """A function of this one line that stands in a file of raykd, as far as its frame tells."""
    file, lines = str(Path(raykd.__file__ or "").parent / "imagined.py"), ["def f():\n", f"    {line}\n"]
    monkeypatch.setitem(linecache.cache, file, (1, None, lines, file))
    place: dict[str, Any] = {"math": math}
    exec(compile("".join(lines), file, "exec"), place)
    return place["f"]


def test_help_needs_neither_torch_nor_ray():
    code = (
        "import contextlib, io, json, runpy, sys\n"
        "helps = {}\n"
        "for script in sys.argv[1:]:\n"
        "    sys.argv = [script, '--help']\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as out:\n"
        "        try:\n"
        "            runpy.run_path(script, run_name='__main__')\n"
        "        except SystemExit as end:\n"
        "            assert end.code == 0, end.code\n"
        "    helps[script] = out.getvalue()\n"
        "heavy = {'torch', 'ray', 'optuna', 'numpy', 'pandas'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
        "json.dump(helps, sys.stdout)\n"
    )
    scripts = [str(LAUNCH / f"{name}.py") for name in COMMANDS]
    ended = subprocess.run([sys.executable, "-c", code, *scripts], capture_output=True, text=True, check=True)
    helps = json.loads(ended.stdout)
    assert list(helps) == scripts
    for name, text in zip(COMMANDS, helps.values(), strict=True):
        assert f"python launch/{name}.py" in text
        assert "(default: runs)" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str):
    made = runpy.run_path(str(LAUNCH / f"{name}.py"))["parser"]()
    assert not made.allow_abbrev
    assert [action.dest for action in made._actions if not action.help] == []


def test_a_search_refuses_what_cannot_work_before_ray_starts(tmp_path: Path):
    write_study(tmp_path)
    long = "from optuna.distributions import IntDistribution\nLONG = IntDistribution(5, 9)\nSCHEDULE = "
    write_study(
        tmp_path,
        ("study = Study(recipe=recipe,", 'study = Study(recipe=recipe, ranges={"epochs": LONG},'),
        ("SCHEDULE = ", long),
        name="narrow",
    )
    write_study(
        tmp_path,
        ("study = Study(recipe=recipe,", 'study = Study(recipe=recipe, ranges={"terms/quest/words": LONG},'),
        ("SCHEDULE = ", long.replace("(5, 9)", "(16, 10**7)")),
        name="wordy",
    )
    write_study(
        tmp_path,
        ("study = Study(recipe=recipe,", 'study = Study(recipe=recipe, ranges={"terms/kd/temprature": None},'),
        name="mistyped",
    )
    write_study(tmp_path, ("epochs=2,", "epochs=2"), name="torn")
    (tmp_path / "file").write_text("")
    small = ("--study", "small.py")
    mistakes = {
        ("--study", "smal.py"): "no study 'smal.py'; did you mean small.py",
        ("--study", "narrow.py"): "epochs: the range 5 to 9 does not hold its default 2",
        ("--study", "wordy.py"): "terms/quest: ",
        ("--study", "mistyped.py"): "ranges: no option 'terms/kd/temprature'; did you mean terms/kd/temperature",
        ("--study", "torn.py"): "torn.py, line ",
        (*small, "--trials", "0"): "trials must be at least 1, got 0",
        (*small, "--trials", "ten"): "--trials: invalid int value: 'ten'",
        (*small, "--workers", "3"): "batch_size: 256 is not a multiple of the 3 processes",
        (*small, "--name", "a/b"): "a name has letters, digits, '-', '_' and '.', and begins with a letter or digit",
        (*small, "--name", "artifacts"): "'artifacts' is a folder of the storage itself; choose another name",
        (*small, "--storage", "file"): f"cannot write to the storage {tmp_path / 'file'}: ",
        (*small, "--resume"): f"no search of the study 'small' in {tmp_path / 'runs'} to resume",
        (*small, "--resume", "--name", "x"): f"no search 'x' in {tmp_path / 'runs'} to resume",
        (*small, "--trails", "3"): "unknown option --trails; did you mean --trials?",
    }
    every = run_several("tune", list(mistakes), folder=tmp_path)
    for (words, message), ended in zip(mistakes.items(), every, strict=True):
        assert (ended.code, ended.out) == (1, ""), (words, ended)
        assert ended.error.startswith(f"error: {message}"), (words, ended.error)
        assert "\n" not in ended.error, words
    assert not (tmp_path / "runs").exists()
