"""A recipe from a file writes nowhere but to raykd's own folders, wherever it says."""

import dataclasses
import logging
from pathlib import Path

import pytest

import tiny
from raykd.data import Frame
from raykd.data.formats.picture_table import PictureTable
from raykd.data.image_folder import ImageFolder
from raykd.data.mnist import MNIST
from raykd.data.standard import CACHE
from raykd.runs.run_folder import new_folder, old_folder
from raykd.space.serialise import own_components, to_text, types_in
from raykd.space.writing import WritesFiles, at_home
from raykd.storage.artifacts import Store
from raykd.storage.local import LocalStorage
from raykd.studies import recipe_file
from raykd.studies.recipe_file import load_recipe

TYPES = tuple(types_in(tiny.recipe()))


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recipe_file, "_said", set())


def folder_of(root: Path, cache: Path | str | None, **values: object) -> ImageFolder:
    return ImageFolder(root=str(root), cache=cache and str(cache), frame=Frame(resize=8, size=8), **values)  # type: ignore[arg-type]


def made(folder: Path) -> None:
    (folder / "x").write_text("x")


def written(path: Path, data: object) -> Path:
    path.write_text(to_text(dataclasses.replace(tiny.recipe(), data=data)))
    return path


def test_decoded_pictures_do_not_go_where_a_file_says(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    anywhere = tmp_path / "any" / "where"
    layout = PictureTable(train="*.parquet", cache=str(anywhere))
    file = written(tmp_path / "recipe.json", folder_of(tmp_path, anywhere, in_memory=True, layout=layout))
    with caplog.at_level(logging.WARNING):
        recipe = load_recipe(file, TYPES)
        load_recipe(file, TYPES)
    assert isinstance(recipe.data, ImageFolder) and isinstance(recipe.data.layout, PictureTable)
    assert recipe.data.cache == recipe.data.layout.cache == CACHE
    home = folder_of(tmp_path, CACHE, in_memory=True, layout=PictureTable(train="*.parquet"))
    assert recipe == dataclasses.replace(tiny.recipe(), data=home)
    said = [line.split(":")[1].split("=")[0] for line in caplog.messages]
    assert said == [" data/layout/cache", " data/cache"], "once"
    assert all(f"{CACHE} is taken, and --set data/" in line for line in caplog.messages)


@pytest.mark.parametrize("cache", [None, CACHE])
def test_no_folder_and_raykds_own_stay(cache: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    recipe = load_recipe(written(tmp_path / "recipe.json", folder_of(tmp_path, cache)), TYPES)
    assert isinstance(recipe.data, ImageFolder) and recipe.data.cache == cache and not caplog.messages


def test_a_cache_that_raykd_has_written_to_for_this_user_stays(tmp_path: Path):
    cache = tmp_path / "scratch"
    Store(cache).get("images", "0123abcd", made)
    file = written(tmp_path / "recipe.json", folder_of(tmp_path, cache))
    assert getattr(load_recipe(file, TYPES).data, "cache") == str(cache)  # noqa: B009 - a data set need not have one
    (cache / "locks").rename(cache / "unlocked")
    (cache / "locks").symlink_to("unlocked")
    assert getattr(load_recipe(file, TYPES).data, "cache") == CACHE  # noqa: B009


def test_nothing_is_downloaded_into_a_folder_that_a_file_names(tmp_path: Path):
    file = written(tmp_path / "recipe.json", MNIST(root=str(tmp_path / "anywhere"), download=True))
    data = load_recipe(file, TYPES).data
    assert data == MNIST(root=str(tmp_path / "anywhere"))
    with pytest.raises(FileNotFoundError, match="set root to the folder that has them, or download=True"):
        data.load()
    assert not (tmp_path / "anywhere").exists()
    assert at_home(MNIST(download=True)).download, "into raykd's own"


def test_what_a_study_says_is_taken_and_a_run_of_it_gone_on_with(tmp_path: Path):
    recipe = dataclasses.replace(tiny.recipe(), data=folder_of(tmp_path, tmp_path / "scratch"))
    folder = new_folder(LocalStorage(root=tmp_path), "run", "label", recipe)
    assert str(tmp_path / "scratch") in (folder / "recipe.json").read_text()
    assert old_folder(tmp_path, "run", "label", recipe, TYPES) == folder


def test_every_component_that_names_a_place_to_write_to_says_so():
    """A cache or a download: whoever adds one learns of it here."""
    writing = {
        cls.__name__
        for cls in own_components()
        if {"cache", "download"} & {field.name for field in dataclasses.fields(cls) if field.metadata}
        and "data" in cls.__module__
    }
    assert writing == {cls.__name__ for cls in own_components() if issubclass(cls, WritesFiles)} and writing
