"""What `import raykd` gives: one list of names, seen alike by Python, by tab completion, by `help` and by pyright."""

import ast
import inspect
import re
import rlcompleter
import subprocess
import sys
from pathlib import Path

import pytest

import raykd

STUB = Path(raykd.__file__).with_suffix(".pyi")


def test_every_name_is_there_and_none_beside():
    assert dir(raykd) == sorted([*raykd.__all__, "__version__"])
    assert all(getattr(raykd, name).__name__ == name for name in raykd.__all__)
    with pytest.raises(AttributeError, match="module 'raykd' has no attribute 'tuen'"):
        raykd.tuen  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


def test_the_names_that_others_rely_on():
    """A public name does not go away."""
    assert {
        *("Recipe", "Study", "Result", "Store", "Staged", "UserError"),
        *("Teacher", "PretrainedTeacher", "CheckpointFolder", "DistilledTeacher"),
        *("tune", "distill", "accuracy", "searched", "load_study", "load_recipe"),
        *("teacher_route", "assistants", "born_again"),
    } <= set(raykd.__all__)


def test_a_type_checker_finds_each_where_it_is_defined():
    """The stub says `from HOME import NAME as NAME`, which is how a stub makes a name public."""
    lines = [line for line in ast.parse(STUB.read_text()).body if isinstance(line, ast.ImportFrom)]
    listed = {(line.module, name.name, name.asname) for line in lines for name in line.names}
    assert listed == {(getattr(raykd, name).__module__, name, name) for name in raykd.__all__}


def test_tab_completion_shows_no_module():
    completer = rlcompleter.Completer({"raykd": raykd})
    found = [completer.complete("raykd.t", number) for number in range(3)]
    assert [word and word.rstrip("(") for word in found] == ["raykd.teacher_route", "raykd.tune", None]


def test_help_shows_them_all_on_one_screen():
    text = inspect.getdoc(raykd) or ""
    assert len(text.splitlines()) <= 40
    assert sorted(re.findall(r"^    (\w+)  ", text, re.MULTILINE)) == raykd.__all__


def test_a_star_and_a_first_look_load_nothing_heavy():
    code = "import sys, raykd; dir(raykd); heavy = {'torch', 'ray', 'optuna'} & sys.modules.keys(); assert not heavy"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=STUB.parents[1])
    names: dict[str, object] = {}
    exec("from raykd import *", names)
    assert set(raykd.__all__) <= names.keys()
