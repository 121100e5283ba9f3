"""The studies that ship with raykd: found by name from any folder, listed, and offered where a name is mistyped."""

from pathlib import Path

import pytest

from raykd.studies import shipped
from raykd.studies.shipped import DEFAULT_STUDY, find_shipped, first_line, sets_study, shipped_studies
from raykd.studies.study_file import load_study

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_they_are_the_files_of_search_spaces():
    assert set(shipped_studies().values()) == set((ROOT / "search_spaces").glob("*.py"))
    assert {DEFAULT_STUDY, "digits", "compose"} <= shipped_studies().keys()


def test_each_says_what_it_is_in_its_first_line():
    lines = {name: first_line(file) for name, file in shipped_studies().items()}
    assert [name for name, line in lines.items() if not 20 < len(line) < 120] == []
    assert all(sets_study(file) for file in shipped_studies().values())


def test_one_is_found_by_its_name_and_as_the_readme_has_it():
    assert load_study("digits") == load_study("search_spaces/digits.py") == load_study(ROOT / "search_spaces/digits.py")


def test_a_file_of_ones_own_goes_before(tmp_path: Path):
    own = tmp_path / "search_spaces" / "digits.py"
    own.parent.mkdir()
    own.write_text((ROOT / "search_spaces" / "compose.py").read_text())
    assert load_study("search_spaces/digits.py").recipe == load_study("compose").recipe
    (tmp_path / "compose").write_text("no Python")  # a name without .py is no file's
    assert load_study("compose").name == "compose"


def test_in_a_clone_any_file_is_found_as_from_its_folder():
    """`ray submit` starts its script in the home folder."""
    assert find_shipped(Path("benchmarks/record.py")) == ROOT / "benchmarks" / "record.py"
    assert find_shipped(Path("README.md")) is None
    assert find_shipped(Path("none.py")) is None


def test_an_installed_package_has_them_within_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "site-packages" / "raykd"
    (package / "search_spaces").mkdir(parents=True)
    (package / "optim.py").write_text("study = 1")
    (package / "search_spaces" / "mine.py").write_text('"""Mine.\n\nMore."""\nstudy: int = 1')
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    assert shipped_studies() == {"mine": package / "search_spaces" / "mine.py"}
    assert find_shipped(Path("mine")) == find_shipped(Path("search_spaces/mine.py")) == shipped_studies()["mine"]
    assert first_line(shipped_studies()["mine"]) == "Mine."
    assert find_shipped(Path("optim.py")) is None


@pytest.mark.parametrize("name", ["digts", "digts.py", "search_spaces/digts.py", "nowhere/digits.py"])
def test_a_mistyped_one_is_told_the_nearest(name: str):
    with pytest.raises(FileNotFoundError, match=f"^no study '{name}'; did you mean digits$"):
        load_study(name)


def test_only_files_that_hold_a_study_are_offered(tmp_path: Path):
    (tmp_path / "tune.py").write_text("import sys")
    (tmp_path / "torn.py").write_text("study = (")
    (tmp_path / "nine.py").write_text("study = 9")
    with pytest.raises(FileNotFoundError, match=r"^no study 'none\.py'; did you mean nine\.py$"):
        load_study("none.py")
    with pytest.raises(FileNotFoundError) as raised:
        load_study("zzzz.py")
    offered = str(raised.value).partition("; choices: ")[2].split(", ")
    assert offered == [*shipped_studies(), "nine.py"]
