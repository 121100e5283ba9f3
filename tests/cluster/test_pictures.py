"""A search on a folder of pictures some of which are torn, mended later, and changed in the end."""

import dataclasses
import json
from pathlib import Path

import pytest
from small_studies import tiny_study

import raykd
import tiny
from data_files import class_folders
from raykd.data import Frame, dataset, image_folder
from raykd.data.image_folder import ImageFolder
from raykd.studies.study import Study

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]


def study(root: Path, skip_bad: bool) -> Study:
    data = ImageFolder(root=str(root), frame=Frame(resize=8, size=8), cache=None, skip_bad=skip_bad)
    recipe = dataclasses.replace(tiny.recipe(epochs=2, batch_size=4), data=data)
    return tiny_study(recipe=recipe, choices={}, ranges={"optimiser/lr": None}, first=(), trials=1, name="pictures")


def as_in_another_process() -> None:
    image_folder._digest.cache_clear()
    dataset.load.cache_clear()


def test_torn_and_mended_pictures(tmp_path: Path):
    root, storage = class_folders(tmp_path / "pictures"), tmp_path / "storage"
    torn = root / "val" / "b" / "0.png"
    whole = torn.read_bytes()
    torn.write_bytes(whole[:40])
    with pytest.raises(ValueError, match=r"1 of 27 pictures cannot be used: val/b/0.png \("):
        raykd.tune(study(root, skip_bad=False), storage=storage, name="search")
    assert not (storage / "search").exists()
    found = raykd.tune(study(root, skip_bad=True), slots=1, storage=storage, name="search")
    assert found.summary["skipped"].keys() == {"val/b/0.png"}
    routes = {path.name for path in (storage / "artifacts" / "route").iterdir()}
    torn.write_bytes(whole)
    as_in_another_process()
    more = raykd.tune(study(root, skip_bad=False), slots=1, storage=storage, name="search", more_trials=1)
    assert "skipped" not in more.summary
    assert len(more.frame) == len(found.frame) + 1
    assert {path.name for path in (storage / "artifacts" / "route").iterdir()} == routes
    assert json.loads((storage / "search" / "search.json").read_text())["trials"] == 2
    (root / "train" / "a" / "0.png").write_bytes(whole)
    as_in_another_process()
    with pytest.raises(ValueError, match="search was begun with other pictures to train and validate on than there"):
        raykd.tune(study(root, skip_bad=False), storage=storage, name="search", more_trials=1)
