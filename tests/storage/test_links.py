"""What writes to a storage follows no link out of it, but the storage may be a link itself."""

from pathlib import Path

import pytest

from raykd.runs import run_folder, search_folder
from raykd.runs.search_folder import Search
from raykd.runs.status import running
from raykd.runs.trial import take_up
from raykd.space.serialise import types_in
from raykd.storage.artifacts import open_store
from raykd.storage.journal import JournalFile
from raykd.storage.layout import LOCK
from raykd.storage.local import LocalStorage
from raykd.studies.study import Study
from tiny import recipe


def made(folder: Path) -> None:
    (folder / "x").write_text("x")


def planted(place: Path, target: Path) -> Path:
    """A link in a storage to a folder outside of it, of which nothing may change."""
    target.mkdir(parents=True, exist_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target, target_is_directory=True)
    return target


def asked(storage: LocalStorage, what: str) -> None:
    folder, search = storage.root / "first", storage.root / "first" / "trials" / "one"
    match what:
        case "write":
            storage.write(folder / "search.json", b"{}")
        case "delete":
            storage.delete(folder / "stop")
        case "make new":
            storage.make_new(search)
        case "make parent":
            storage.make_parent(folder / "deep" / "x")
        case "take up a trial":
            take_up(storage, search, storage.root / "tensorboard")
        case "take up its board":
            take_up(storage, storage.root / "trial", folder / "tensorboard" / "one")
        case "artefact":
            open_store(storage).get("first", "0123abcd", made)
        case "rows":
            open_store(storage, room=10**6).keep("first", {"rows": 10})
        case "partial":
            open_store(storage).partial("route", "state").take_up()
        case _:
            raise AssertionError(what)


@pytest.mark.parametrize(
    ("what", "link"),
    [
        ("write", "first"),
        ("delete", "first"),
        ("make new", "first/trials"),
        ("make parent", "first"),
        ("take up a trial", "first/trials/one"),
        ("take up a trial", "first/trials"),
        ("take up its board", "first/tensorboard"),
        ("artefact", "artifacts"),
        ("artefact", "artifacts/first"),
        ("artefact", "artifacts/locks"),
        ("rows", "artifacts/first"),
        ("rows", "artifacts/first/rows"),
        ("partial", "artifacts/partial"),
        ("partial", "artifacts/partial/route"),
    ],
)
@pytest.mark.parametrize("through", ["plain", "link"])
def test_no_folder_in_a_storage_leads_out_of_it_but_the_storage_may_be_a_link(
    what: str, link: str, through: str, tmp_path: Path
):
    real = tmp_path / "disk"
    real.mkdir()
    (tmp_path / "runs").symlink_to(real)
    storage = LocalStorage(root=tmp_path / ("runs" if through == "link" else "disk"))
    outside = planted(real / link, tmp_path / "outside")
    (real / "plain").write_text("")
    (outside / "stop").write_text("theirs")
    with pytest.raises(PermissionError, match=rf"{link} is a link that leads out of the storage .*{storage.root.name}"):
        asked(storage, what)
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("stop", "theirs")]
    (real / link).unlink()
    (real / link).mkdir(parents=True)
    asked(storage, what)


def test_a_link_that_stays_in_the_storage_is_followed(tmp_path: Path):
    storage = LocalStorage(root=tmp_path / "storage")
    planted(storage.root / "latest", storage.root / "first")
    storage.write(storage.root / "latest" / "search.json", b"{}")
    assert (storage.root / "first" / "search.json").read_bytes() == b"{}"


@pytest.mark.parametrize("inner", ["trials", "trials/one", ".raykd", "tensorboard", "tensorboard/search", "ray.log"])
def test_a_search_or_a_run_with_a_link_out_of_the_storage_is_not_gone_on_with(inner: str, tmp_path: Path):
    study = Study(recipe=recipe(), name="study")
    storage = LocalStorage(root=tmp_path / "storage")
    search_folder.new_folder(storage, "first", Search.of(study, trials=1, seed=0), study)
    run_folder.new_folder(storage, "run", "label", recipe())
    assert search_folder.old_folder(storage.root, "first", study)[0] == storage.root / "first"
    assert run_folder.old_folder(storage.root, "run", "label", recipe(), types_in(recipe())) == storage.root / "run"
    for name in ("first", "run"):
        planted(storage.root / name / inner, tmp_path / "outside")
    with pytest.raises(PermissionError, match=f"{inner} is a link that leads out"):
        search_folder.old_folder(storage.root, "first", study)
    with pytest.raises(PermissionError, match=f"{inner} is a link that leads out"):
        run_folder.old_folder(storage.root, "run", "label", recipe(), types_in(recipe()))


def test_a_lock_and_a_log_in_whose_place_a_link_lies_are_not_opened(tmp_path: Path):
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "search" / ".raykd").mkdir(parents=True)
    (tmp_path / "search" / LOCK).symlink_to(tmp_path / "made")
    with pytest.raises(OSError, match="symbolic links"), running(tmp_path / "search"):
        pass
    assert not (tmp_path / "made").exists()
    (tmp_path / "search" / "optuna.journal").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic links"):
        JournalFile(tmp_path / "search" / "optuna.journal")
    assert (tmp_path / "theirs").read_text() == "theirs", "which has no end of a line, and is not cut"
