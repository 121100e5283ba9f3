"""A search that an older raykd wrote is refused in a line that says what it is still good for."""

import json
import re
from pathlib import Path

import pytest

import tiny
from raykd.runs.folder_format import FORMAT, format_problem
from raykd.runs.search_folder import Search, old_folder, write_search
from raykd.studies.study import Study

PROBLEM = (
    f"was written by raykd 0.1.0.dev0 in format 1, and this raykd goes on with format {FORMAT} alone: "
    "start a new search; its table, recipes and students can be used"
)


@pytest.fixture
def study() -> Study:
    return Study(recipe=tiny.recipe(), name="tiny")


def write_old_search(folder: Path, study: Study) -> None:
    """What the first raykd wrote: a state of its own words, and no format."""
    folder.mkdir()
    record = {"study": study.name, "recipe": "67681c00", "trials": 6, "seed": 0, "file": "digits.py"}
    (folder / "search.json").write_text(json.dumps(record | {"versions": {"raykd": "0.1.0.dev0", "ray": "2.60.0"}}))
    ended = {"plain-KD-67681c00": {"state": "complete", "accuracy": 0.9, "epochs": 24}}
    state = {"host": "one", "pid": 7, "total": 8, "doing": "", "running": [], "ended": ended}
    (folder / "state.json").write_text(json.dumps(state))


@pytest.mark.parametrize("name", ["old", None])
def test_an_older_search_is_not_gone_on_with(tmp_path: Path, study: Study, name: str | None):
    write_old_search(tmp_path / "old", study)
    with pytest.raises(ValueError, match=f"^{re.escape(str(tmp_path / 'old'))} {re.escape(PROBLEM)}$"):
        old_folder(tmp_path, name, study)


def test_a_search_of_this_raykd_is(tmp_path: Path, study: Study):
    search = Search.of(study, trials=6, seed=0)
    write_search(tmp_path / "new", search)
    assert format_problem(tmp_path / "new") is None
    assert old_folder(tmp_path, None, study) == (tmp_path / "new", search)
