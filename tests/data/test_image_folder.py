"""Folders of pictures as data sets: cut, decoded, kept, and gone on with bit for bit."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from data_files import class_folders, picture, save
from raykd.data import Augmentation, Files, Frame, ResizedCrop
from raykd.data.dataset import load
from raykd.data.formats.layouts import ClassFolders
from raykd.data.image_folder import ImageFolder
from raykd.space.serialise import decode, encode, fingerprint
from raykd.storage.artifacts import Store
from raykd.training.loop import distill
from tiny import assert_same_run, finish, recipe

CPU = torch.device("cpu")
SMALL = Frame(resize=8, size=8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "pictures")


def spec(root: Path, **changes: Any) -> ImageFolder:
    values = {"root": str(root), "frame": SMALL, "cache": str(root.parent / "cache")}
    return ImageFolder(**(values | changes))


def names(images: Files) -> set[str]:
    return set(images.names)


def test_splits_are_disjoint_and_whole(root: Path):
    dataset = spec(root, validation=0.25).load()
    train, validation, test = (names(split.images) for split in (dataset.train, dataset.validation, dataset.test))
    assert (len(train), len(validation), len(test)) == (14, 4, 9)
    assert len(train | validation | test) == 27
    assert train | validation == {str(path.relative_to(root)) for path in (root / "train").rglob("*.*")}
    assert dataset.num_classes == 3
    assert dataset.classes == ("a", "b", "c")
    assert dataset.image_shape == (3, 8, 8)
    for split in (dataset.train, dataset.validation, dataset.test):
        assert ["abc"[label] for label in split.labels] == [name.split("/")[1] for name in split.images.names]


def test_a_tenth_is_held_out_and_the_seed_says_which(root: Path):
    first, again, other = (spec(root, seed=seed).load().validation.images.names for seed in (0, 0, 2))
    assert len(first) == 2
    assert first == again != other


def test_a_validation_folder_of_its_own(root: Path):
    shutil.copytree(root / "val", root / "test")
    dataset = spec(root, layout=ClassFolders(validation="val", test="test")).load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [18, 9, 9]
    with pytest.raises(ValueError, match="validation must be None where the layout has a validation split"):
        spec(root, layout=ClassFolders(validation="val", test="test"), validation=0.5).load()


def test_batches_do_not_depend_on_batch_size_rank_or_order(root: Path):
    dataset = spec(root).load()

    def views(seed: int, batch_size: int, size: int) -> dict[int, torch.Tensor]:
        batches = [batch for rank in range(size) for batch in dataset.batches(3, seed, batch_size, rank, size)]
        return {int(index): view for batch in batches for index, view in zip(batch.indices, batch.images, strict=True)}

    reference = views(0, 1, 1)
    assert len(reference) == 16
    for setting in ((0, 4, 1), (0, 4, 2), (1, 8, 4), (2, 16, 1)):
        for index, view in views(*setting).items():
            torch.testing.assert_close(view, reference[index], rtol=0, atol=0)


def test_plain_views_cover_a_split_in_order(root: Path):
    dataset = spec(root).load()
    batches = list(dataset.plain(dataset.test, batch_size=4))
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(9))
    assert torch.equal(torch.cat([batch.targets for batch in batches]), dataset.test.labels)


def test_in_memory_the_plain_views_are_the_same(root: Path):
    on_disk, in_memory = spec(root).load(), spec(root, in_memory=True).load()
    assert isinstance(in_memory.train.images, torch.Tensor)
    for name in ("train", "validation", "test"):
        one, other = getattr(on_disk, name), getattr(in_memory, name)
        for mine, theirs in zip(on_disk.plain(one), in_memory.plain(other), strict=True):
            assert torch.equal(mine.images, theirs.images)
            assert torch.equal(mine.targets, theirs.targets)


def test_where_pictures_are_squares_crops_and_flips_are_the_same_in_memory(tmp_path: Path):
    root = class_folders(tmp_path / "squares", size=8)
    augmentation = Augmentation(padding=1, flip=True)
    on_disk, in_memory = (spec(root, in_memory=flag, augmentation=augmentation).load() for flag in (False, True))
    for mine, theirs in zip(on_disk.batches(1, 0, 4), in_memory.batches(1, 0, 4), strict=True):
        assert torch.equal(mine.images, theirs.images)


def test_a_decoded_set_is_kept_and_read_again(root: Path, monkeypatch: pytest.MonkeyPatch):
    first = spec(root, in_memory=True).load()

    def fail(*arguments: Any) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(Files, "read", fail)
    again = spec(root, in_memory=True).load()
    assert torch.equal(first.train.images, again.train.images)
    with pytest.raises(AssertionError, match="decoded again"):
        spec(root, in_memory=True, frame=Frame(resize=9, size=8)).load()


def test_without_a_cache_nothing_is_written(root: Path):
    kept = spec(root, in_memory=True).load()
    shutil.rmtree(root.parent / "cache")
    alone = spec(root, in_memory=True, cache=None).load()
    assert torch.equal(kept.train.images, alone.train.images)
    assert not (root.parent / "cache").exists()


def test_the_fingerprint_follows_the_pictures_and_not_their_place(root: Path, tmp_path: Path):
    moved = Path(shutil.copytree(root, tmp_path / "moved"))
    assert fingerprint(spec(moved, cache=None)) == fingerprint(spec(root))
    assert load(spec(moved), CPU).digest == load(spec(root), CPU).digest
    other = Path(shutil.copytree(root, tmp_path / "other"))
    save(other, "train/a/0.png", picture(77, 30, 30))
    assert fingerprint(spec(other)) != fingerprint(spec(root))
    fewer = Path(shutil.copytree(root, tmp_path / "fewer"))
    (fewer / "val" / "a" / "0.png").unlink()
    assert fingerprint(spec(fewer)) != fingerprint(spec(root))
    assert fingerprint(spec(root, frame=Frame(resize=9, size=8))) != fingerprint(spec(root))


def test_it_comes_back_from_json(root: Path):
    written = spec(root, augmentation=Augmentation(resized=ResizedCrop(scale=(0.2, 1.0))), validation=0.2)
    assert decode(encode(written)) == written


def test_a_run_on_files_resumes_bit_for_bit(root: Path, tmp_path: Path):
    data = spec(root, augmentation=Augmentation(resized=ResizedCrop(), flip=True))
    run = dataclasses.replace(recipe(epochs=3, batch_size=4), data=data)
    whole = finish(run, Store(tmp_path / "store"))
    states = [epoch.state() for epoch in distill(run, store=Store(tmp_path / "store"))]
    for number in (1, 2):
        rest = finish(run, Store(tmp_path / "store"), resume=states[number - 1])
        assert_same_run(dataclasses.replace(whole, metrics=whole.metrics[number:]), rest)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"validation": 0.0}, "validation must be a share above 0 and below 1, got 0.0"),
        ({"validation": 1.0}, "validation must be a share above 0 and below 1, got 1.0"),
        ({"mean": (0.5,)}, r"mean and std must be one number for each of 3 channels, got \(0.5,\)"),
        ({"std": (0.5, 0.0, 0.5)}, "std must be above 0"),
    ],
)
def test_refusals(root: Path, wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        spec(root, **wrong)


def test_no_folder(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=f"no folder {tmp_path / 'none'}; set root to the folder"):
        spec(tmp_path / "none").load()
