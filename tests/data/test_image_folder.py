"""Folders of pictures as data sets: cut, decoded, kept, and gone on with bit for bit."""

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from data_files import class_folders, picture, save
from raykd.data import Augmentation, Files, Frame, ResizedCrop
from raykd.data.dataset import load
from raykd.data.formats.layouts import ClassFolders
from raykd.data.image_folder import ImageFolder
from raykd.data.views.pixels import Pixels
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


def test_a_cache_that_cannot_be_written_is_gone_on_without(root: Path, caplog: pytest.LogCaptureFixture):
    kept = spec(root, in_memory=True).load()
    (root.parent / "file").write_text("no folder")
    alone = spec(root, in_memory=True, cache=str(root.parent / "file/cache")).load()
    assert torch.equal(kept.train.images, alone.train.images)
    assert caplog.text.count("file/cache: Not a directory; pictures are looked into and decoded anew") == 1


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
    (fewer / "train" / "a" / "0.png").unlink()
    assert fingerprint(spec(fewer)) != fingerprint(spec(root))
    assert fingerprint(spec(root, frame=Frame(resize=9, size=8))) != fingerprint(spec(root))


def test_what_is_trained_on_stays_what_it_is_when_the_test_changes(root: Path, tmp_path: Path):
    other = Path(shutil.copytree(root, tmp_path / "other"))
    save(other, "val/a/0.png", picture(77, 30, 30))
    (other / "val" / "b" / "0.png").unlink()
    assert fingerprint(spec(other)) == fingerprint(spec(root))
    assert load(spec(other), CPU).digest == load(spec(root), CPU).digest
    assert load(spec(other), CPU).test.digest() != load(spec(root), CPU).test.digest()


def odd_ones(root: Path) -> ImageFolder:
    """The set with a transparent picture to train on and one to test on."""
    for part in ("train", "val"):
        picture(5, mode="RGBA").save(root / part / "a" / "clear.png")
    return spec(root)


def test_how_odd_pictures_are_read_is_part_of_the_fingerprint(root: Path):
    plain = [fingerprint(spec(root, pixels=pixels)) for pixels in (Pixels(), Pixels(background=(0, 0, 0)))]
    assert len(set(plain)) == 1
    data = odd_ones(Path(shutil.copytree(root, root.parent / "odd")))
    blacks = dataclasses.replace(data, pixels=Pixels(background=(0, 0, 0)))
    assert len({*plain, fingerprint(data), fingerprint(blacks)}) == 3
    assert load(data, CPU).digest != load(blacks, CPU).digest
    assert fingerprint(dataclasses.replace(data, pixels=Pixels(limit=1000))) == fingerprint(data)


def test_in_memory_odd_pictures_are_read_anew_for_each_rule(root: Path):
    data = dataclasses.replace(odd_ones(root), in_memory=True)
    for background in ((255, 255, 255), (0, 0, 0)):
        spec = dataclasses.replace(data, pixels=Pixels(background=background))
        on_disk = dataclasses.replace(spec, in_memory=False).load()
        ((_, pixels),) = on_disk.test.read([torch.arange(len(on_disk.test))])
        assert torch.equal(spec.load().test.images, pixels.byte())


def torn(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.write_bytes(path.read_bytes()[:-100])


def test_all_bad_pictures_of_all_splits_are_told_at_once(root: Path):
    torn(root, "val/b/0.png", "train/a/1.jpg")
    (root / "train" / "a" / "0.png").write_bytes(b"")
    with pytest.raises(ValueError, match="3 of 27 pictures cannot be used: ") as raised:
        spec(root).load()
    told = str(raised.value)
    assert told.startswith(f"{root}: 3 of 27 pictures cannot be used: train/a/0.png (empty); train/a/1.jpg (")
    assert "val/b/0.png (" in told
    assert told.endswith("; mend or remove them, or go on without them by --skip-bad (data/skip_bad)")
    with pytest.raises(ValueError, match="3 of 27 pictures cannot be used"):
        fingerprint(spec(root))


def test_of_many_bad_pictures_the_first_ten_are_named(root: Path):
    torn(root, *(str(path.relative_to(root)) for path in (root / "train").rglob("*.*")))
    with pytest.raises(ValueError, match="18 of 27 pictures cannot be used: ") as raised:
        spec(root).load()
    assert str(raised.value).count(" (") == 11
    assert "; and 8 more; mend or remove them" in str(raised.value)


def test_without_bad_pictures(root: Path, caplog: pytest.LogCaptureFixture):
    torn(root, "val/b/0.png", "train/a/1.jpg")
    data = spec(root, skip_bad=True)
    dataset = data.load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [15, 2, 8]
    assert data.skipped().keys() == {"val/b/0.png", "train/a/1.jpg"}
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith(f"{root}: goes on without some: 2 of 27 pictures cannot be used: train/a/1.jpg (")
    for name in data.skipped():
        (root / name).unlink()
    removed = spec(root)
    assert (removed.load().train.digest(), removed.skipped()) == (dataset.train.digest(), {})


def test_without_bad_pictures_something_must_be_left(root: Path):
    torn(root, *(f"train/b/{path.name}" for path in (root / "train" / "b").iterdir()))
    with pytest.raises(ValueError, match="no training picture of the class b can be used"):
        spec(root, skip_bad=True).load()


def test_a_class_folder_too_deep(tmp_path: Path):
    root = class_folders(tmp_path / "pictures")
    for part in ("train", "val"):
        (root / part).rename(tmp_path / part)
        (root / part).mkdir(parents=True)
        (tmp_path / part).rename(root / part / "photos")
    words = "a data set needs at least two classes, and there is photos; its folders a, b, c look like classes"
    with pytest.raises(ValueError, match=words):
        spec(root).load()


def test_what_should_be_known_is_said_once(root: Path, caplog: pytest.LogCaptureFixture):
    shutil.copy(root / "train" / "a" / "0.png", root / "val" / "b" / "copy.png")
    (root / "train" / "c" / "9.HEIC").write_bytes(b"")
    (root / "train" / "a" / ".DS_Store").write_bytes(b"")
    picture(1).save(root / "val" / "c" / "many.gif", save_all=True, append_images=[picture(2)])
    deep = Image.fromarray(torch.arange(144).reshape(12, 12).to(torch.uint16).numpy())
    save(root, "val/c/deep.png", deep)
    with caplog.at_level("INFO", "raykd"):
        for seed in (0, 0):
            spec(root, seed=seed).load()
    lines = {(record.levelname, record.getMessage().removeprefix(f"{root}: ")) for record in caplog.records}
    assert len(lines) == len(caplog.records)
    pair = "train/a/0.png and val/b/copy.png"
    assert {(level, re.sub("(?<=bits=8) .*", "", line)) for level, line in lines} == {
        ("WARNING", "left aside as no picture by its ending: 1 (.heic 1), train/c/9.HEIC"),
        ("WARNING", "of 1 picture (such as val/c/many.gif) the first of several frames is taken"),
        ("WARNING", f"copies of one picture lie in two splits (test and train 1), such as {pair}"),
        ("WARNING", f"copies of one picture are of two classes (1), such as {pair}"),
        (
            "WARNING",
            "the deep grey pictures use at most 8 of their 16 bits, so that they are dark; pixels/bits=8",
        ),
        ("INFO", "1 picture (such as val/c/deep.png) grey of more than 8 bits"),
        ("INFO", "left aside as hidden or the system's: 1, train/a/.DS_Store"),
    }


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
