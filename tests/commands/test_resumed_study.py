"""No file is executed that another user has named for a search to go on with, or could have written."""

import os
from pathlib import Path

import pytest

from raykd.commands.resumed_study import chosen_study, why_not_trusted
from raykd.runs.search_folder import Search, write_search
from raykd.studies.shipped import shipped_studies

STUDY = """
from pathlib import Path

from raykd import Recipe, Study
from raykd.data.digits import Digits
from raykd.models.cnn import CNN

Path(__file__).with_name("executed").touch()
study = Study(recipe=Recipe(data=Digits(), student=CNN(), teacher=None, epochs=2))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The study of a search `mine`."""
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    made = tmp_path / "small.py"
    made.write_text(STUDY)
    begun(tmp_path, made)
    return made


def begun(folder: Path, study: Path) -> Path:
    write_search(
        folder / "runs" / "mine",
        Search(study=study.stem, recipe="0", trials=1, seed=0, versions={}, file=str(study)),
    )
    return folder / "runs" / "mine" / "search.json"


def give_away(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a file another user's; all others of this user too, where nobody may give a file away."""
    if os.geteuid() == 0:
        os.chown(file, 4242, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)


def resumed(folder: Path) -> str:
    return chosen_study(None, str(folder / "runs"), "mine").name


def was_executed(folder: Path) -> bool:
    return (folder / "executed").exists()


def test_ones_own_is_read(file: Path, tmp_path: Path):
    file.chmod(0o664)  # as `umask 002` makes it
    assert resumed(tmp_path) == "small"
    assert was_executed(tmp_path)


@pytest.mark.parametrize("which", ["small.py", "runs/mine/search.json"])
def test_neither_another_users_study_nor_one_that_another_has_named_is_executed(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
):
    give_away(tmp_path / which, monkeypatch)
    with pytest.raises(PermissionError, match=rf"^the search 'mine' was started from {file}, .* is another user's; l"):
        resumed(tmp_path)
    assert not was_executed(tmp_path)
    assert chosen_study(str(file), str(tmp_path / "runs"), "mine").name == "small"  # who says it has looked at it


@pytest.mark.parametrize("which", ["small.py", "runs/mine/search.json"])
def test_what_everybody_may_write_to_is_not_executed(file: Path, tmp_path: Path, which: str):
    (tmp_path / which).chmod(0o666)
    with pytest.raises(PermissionError, match=rf"^the search 'mine' was .*{which} may be written by everybody; look "):
        resumed(tmp_path)
    assert not was_executed(tmp_path)


def test_a_study_that_ships_with_raykd_may_be_anybodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    give_away(begun(tmp_path, shipped_studies()["digits"]), monkeypatch)
    assert resumed(tmp_path) == "digits"


def test_the_machines_own_files_are_trusted():
    assert why_not_trusted(Path("/etc/passwd")) is None
