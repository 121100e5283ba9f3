"""Folders in a bounded room: the one that was not used for longest makes way."""

import os
import shutil
from pathlib import Path

import pytest

from raykd.storage.artifacts import Store
from raykd.storage.room import format_bytes, parse_bytes, reserve


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20 * 10**9), ("1.5 MB", 1_500_000), ("0", 0), ("12kB", 12_000), (7, 7), ("3g", 3 * 10**9)],
)
def test_a_size_is_read(text: str | int, size: int):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "20GiB", "GB", "1e9"])
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ValueError, match="a size is a number of bytes such as 20GB, 500MB or 0, got"):
        parse_bytes(text)


def test_a_size_is_said_in_a_few_words():
    assert [format_bytes(size) for size in (12, 2_900_000_000, 324_000)] == ["12 bytes", "2.9 GB", "324.0 KB"]


def test_what_was_used_last_stays(tmp_path: Path):
    for age, name in enumerate(("old", "older", "oldest")):
        assert reserve(tmp_path, name, 40, 120) == tmp_path / name
        os.utime(tmp_path / name / "reserved", (1000 - age, 1000 - age))
    reserve(tmp_path, "oldest", 40, 120)  # used once more
    reserve(tmp_path, "new", 50, 120)
    assert sorted(folder.name for folder in tmp_path.iterdir() if folder.is_dir()) == ["new", "oldest"]


def test_what_is_larger_than_the_room_gets_none_and_takes_nobodys(tmp_path: Path):
    reserve(tmp_path, "there", 100, 100)
    assert reserve(tmp_path, "large", 101, 100) is None
    assert (tmp_path / "there").is_dir()


def test_a_folder_keeps_the_most_that_was_asked_for_it(tmp_path: Path):
    reserve(tmp_path, "one", 90, 100)
    reserve(tmp_path, "one", 10, 100)
    reserve(tmp_path, "two", 20, 100)
    assert not (tmp_path / "one").exists()


def test_by_default_half_of_what_is_free_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1000, 800, 200))  # pyright: ignore
    assert reserve(tmp_path, "small", 100, None) is not None
    assert reserve(tmp_path, "large", 101, None) is None
    assert reserve(tmp_path, "large", 101, 1000) is not None  # whoever names a size has it


def test_a_reservation_that_was_torn_counts_what_is_there(tmp_path: Path):
    folder = reserve(tmp_path, "torn", 40, 100)
    assert folder is not None
    (folder / "reserved").write_text("")
    (folder / "rows").write_bytes(bytes(70))
    reserve(tmp_path, "new", 40, 100)
    assert not folder.exists()


def test_a_store_gives_room_to_all_or_to_none(tmp_path: Path):
    store = Store(tmp_path, room=100)
    assert store.keep("kind", {"one": 60, "two": 41}) is None
    assert store.keep("kind", {"one": 60, "two": 40}) == [tmp_path / "kind" / "one", tmp_path / "kind" / "two"]
    assert store.keep("kind", {"two": 40}) == [tmp_path / "kind" / "two"]


def test_a_name_leads_nowhere_else(tmp_path: Path):
    with pytest.raises(ValueError, match=r"an artefact's kind and key are plain words, got '\.\./out'"):
        Store(tmp_path).keep("kind", {"one": 1, "../out": 1})
    assert not list(tmp_path.iterdir())


def test_a_store_that_is_only_read_keeps_nothing(tmp_path: Path):
    assert Store(tmp_path, makes=()).keep("kind", {"one": 1}) is None
    assert not list(tmp_path.iterdir())
