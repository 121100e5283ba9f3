"""What a person types: options read or refused in one line, the line to type again, help."""

import argparse
import json
import re
import runpy
import subprocess
import sys

import pytest

from raykd.commands import parse
from run_commands import LAUNCH

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
        assert f"launch/{name}.py" in text
        assert "(default: runs)" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str):
    made = runpy.run_path(str(LAUNCH / f"{name}.py"))["parser"]()
    assert not made.allow_abbrev
    assert [action.dest for action in made._actions if not action.help] == []
