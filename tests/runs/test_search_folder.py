"""A search on one's own pictures goes on while those that it is trained on are what they were."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import tiny
from data_files import class_folders, picture, save
from raykd.data import Frame, image_folder
from raykd.data.image_folder import ImageFolder
from raykd.runs.search_folder import Search, old_folder, write_search
from raykd.studies.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    root = class_folders(tmp_path / "pictures")
    data = ImageFolder(root=str(root), frame=Frame(resize=8, size=8), cache=None)
    return Study(recipe=dataclasses.replace(tiny.recipe(batch_size=4), data=data), name="tiny")


@pytest.fixture
def begun(tmp_path: Path, study: Study) -> Path:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    write_search(tmp_path / "runs" / "mine", Search.of(study))
    return tmp_path / "runs"


def gone_on_with(begun: Path, study: Study) -> Path:
    image_folder._digest.cache_clear()  # as in another process
    return old_folder(begun, "mine", study)[0]


def test_test_pictures_may_change(begun: Path, study: Study, tmp_path: Path):
    save(tmp_path / "pictures", "val/a/0.png", picture(77, 30, 30))
    (tmp_path / "pictures" / "val" / "b" / "0.png").unlink()
    assert gone_on_with(begun, study) == begun / "mine"


def test_a_picture_that_was_skipped_may_be_removed(tmp_path: Path, study: Study):
    torn = tmp_path / "pictures" / "train" / "a" / "0.png"
    torn.write_bytes(b"torn")
    data: Any = study.recipe.data
    recipe = dataclasses.replace(study.recipe, data=dataclasses.replace(data, skip_bad=True))
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    write_search(tmp_path / "runs" / "mine", Search.of(dataclasses.replace(study, recipe=recipe)))
    torn.unlink()
    assert gone_on_with(tmp_path / "runs", study) == tmp_path / "runs" / "mine"


def test_other_pictures_to_train_on_touch_all_trials(begun: Path, study: Study, tmp_path: Path):
    save(tmp_path / "pictures", "train/a/0.png", picture(77, 30, 30))
    words = "mine was begun with other pictures to train and validate on than there are now, and all of its trials"
    with pytest.raises(ValueError, match=words):
        gone_on_with(begun, study)


def test_another_recipe_is_told_from_other_pictures(begun: Path, study: Study, tmp_path: Path):
    save(tmp_path / "pictures", "train/a/0.png", picture(77, 30, 30))
    other = dataclasses.replace(study, recipe=dataclasses.replace(study.recipe, epochs=77))
    with pytest.raises(ValueError, match="with another base recipe than 'tiny' has now"):
        gone_on_with(begun, other)
