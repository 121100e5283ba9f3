"""One's own class folders: cut in shares of each class, copies on one side, `val` for validation, clear refusals."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_files import class_folders, picture, save
from raykd.data import Files, Frame
from raykd.data.dataset import Dataset
from raykd.data.formats.copies import copies
from raykd.data.formats.file_names import in_words
from raykd.data.formats.own_folders import OwnFolders
from raykd.data.formats.shares import cut_in_shares
from raykd.data.image_folder import ImageFolder
from raykd.space.serialise import decode, encode, fingerprint
from raykd.testing import check_data

COUNTS = {"cat": 20, "dog": 10, "fox": 3}


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Pictures of 8 pixels, each another one."""
    for label, (name, count) in enumerate(COUNTS.items()):
        for number in range(count):
            save(tmp_path, f"{name}/{number:02d}.png", picture(100 * label + number, 8, 8))
    return tmp_path


def spec(root: Path, **changes: Any) -> ImageFolder:
    values = {"root": str(root), "layout": OwnFolders(), "frame": Frame(resize=8, size=8), "cache": None}
    return ImageFolder(**(values | changes))


def names(dataset: Dataset) -> list[set[str]]:
    splits = (dataset.train, dataset.validation, dataset.test)
    assert all(isinstance(split.images, Files) for split in splits)
    return [set(split.images.names) for split in splits]


def test_a_flat_folder_is_cut_in_shares_of_each_class(flat: Path):
    dataset = spec(flat, validation=0.2, layout=OwnFolders(test_share=0.2)).load()
    assert dataset.classes == ("cat", "dog", "fox")
    train, validation, test = (Counter(split.labels.tolist()) for split in dataset_splits(dataset))
    assert test == {0: 4, 1: 2, 2: 1}
    assert validation == {0: 3, 1: 2, 2: 1}  # a fifth of 16, 8 and 2, and at least one
    assert train == {0: 13, 1: 6, 2: 1}
    assert len(set.union(*names(dataset))) == 33
    check_data(spec(flat, in_memory=True))


def dataset_splits(dataset: Dataset) -> tuple[Any, Any, Any]:
    return dataset.train, dataset.validation, dataset.test


def test_another_seed_holds_out_others_and_tests_on_the_same(flat: Path):
    first, again, other = (names(spec(flat).resplit(seed).load()) for seed in (0, 0, 1))
    assert first == again
    assert first[2] == other[2]
    assert first[1] != other[1]
    assert spec(flat).resplit(7).seed == 7


def test_a_picture_more_moves_no_other_one_far(flat: Path):
    before = names(spec(flat).load())
    save(flat, "cat/new.png", picture(999, 8, 8))
    after = names(spec(flat).load())
    assert sum(len(one ^ other) for one, other in zip(before, after, strict=True)) <= 5


def test_copies_of_a_picture_stay_on_one_side(flat: Path):
    for number in range(8):
        content = (flat / "cat" / f"{number:02d}.png").read_bytes()
        (flat / "cat" / f"copy {number}.png").write_bytes(content)
    (flat / "dog" / "a cat.png").write_bytes((flat / "cat" / "19.png").read_bytes())
    for seed in range(6):
        sides = names(spec(flat, seed=seed, validation=0.3, layout=OwnFolders(test_share=0.3)).load())
        contents = [{(flat / name).read_bytes() for name in side} for side in sides]
        assert not contents[0] & (contents[1] | contents[2])
        assert not contents[1] & contents[2]


def test_copies_are_told_by_all_of_a_file(tmp_path: Path):
    long = b"x" * 5000
    contents = {"a": long, "b": long, "c": b"y" + long[1:], "d": b"1", "e": b"2", "f": b"", "g": b"", "h": b"2"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    assert copies(tmp_path, tuple(contents)) == {"b": "a", "h": "e"}


def test_a_share_keeps_different_pictures_of_each_class():
    labelled = dict.fromkeys("abcd", 0)
    for seed in range(8):
        left, held_out = cut_in_shares(labelled, {"b": "a"}, 0.9, seed, "test", keep=2)
        assert len({"a" if name == "b" else name for name in left}) == 2
        assert left.keys() | held_out.keys() == labelled.keys()


def test_where_val_is_validation_the_test_is_cut(tmp_path: Path):
    dataset = spec(class_folders(tmp_path), layout=OwnFolders(train="train", validation="val")).load()
    train, validation, test = names(dataset)
    assert validation == {str(path.relative_to(tmp_path)) for path in (tmp_path / "val").rglob("*.*")}
    assert all(name.startswith("train/") for name in train | test)
    assert (len(train), len(validation), len(test)) == (15, 9, 3)
    assert spec(tmp_path, layout=OwnFolders(train="train", validation="val")).resplit(3).seed == 0


def test_where_test_is_there_the_validation_is_cut(tmp_path: Path):
    class_folders(tmp_path)
    (tmp_path / "val").rename(tmp_path / "Testing")
    dataset = spec(tmp_path, layout=OwnFolders(train="train", test="Testing")).load()
    train, validation, test = names(dataset)
    assert all(name.startswith("Testing/") for name in test)
    assert (len(train), len(validation), len(test)) == (15, 3, 9)


def test_odd_names_and_what_is_no_class(flat: Path):
    (flat / "cat").rename(flat / "Katze, groß ü 猫")
    (flat / "empty").mkdir()
    save(flat, ".ipynb_checkpoints/1.png", picture(0))
    save(flat, "fox/deep/er/4.PNG", picture(1))
    listing = OwnFolders().read(flat)
    assert listing.classes == ("Katze, groß ü 猫", "dog", "fox")
    assert {entry.path for entry in listing.aside} == {"empty", ".ipynb_checkpoints"}
    assert "fox/deep/er/4.PNG" in listing.train | listing.test
    assert spec(flat).load().num_classes == 3


def test_a_fingerprint_follows_the_pictures_and_it_comes_back_from_json(flat: Path):
    before = spec(flat)
    assert decode(encode(before)) == before
    written = fingerprint(before)
    assert fingerprint(spec(flat, layout=OwnFolders(test_share=0.5))) != written


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"train": "a", "validation": "a"}, "must be different folders, got a, a"),
        ({"validation": "val"}, "train must be a folder where there is a folder 'val', got None"),
        ({"test_share": 1.0}, "test_share must be above 0 and below 1, got 1.0"),
    ],
)
def test_fields_that_contradict_each_other(fields: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        OwnFolders(**fields)


def test_a_class_with_too_few_pictures(flat: Path):
    (flat / "fox" / "02.png").write_bytes((flat / "fox" / "01.png").read_bytes())
    with pytest.raises(
        ValueError, match="different pictures, for training, validation, test; fox has 2 beside 1 copy: "
    ):
        OwnFolders().read(flat)


def test_one_class(flat: Path):
    for name in ("dog", "fox"):
        (flat / name).rename(flat / f".{name}")
    with pytest.raises(ValueError, match=f"{flat}: a data set needs at least two classes, and there is cat"):
        OwnFolders().read(flat)


def test_one_folder_that_has_the_classes(flat: Path):
    (flat / "all").mkdir()
    for name in COUNTS:
        (flat / name).rename(flat / "all" / name)
    with pytest.raises(ValueError, match="there is all; its folders cat, dog, fox look like classes: move them up"):
        OwnFolders().read(flat)


def test_a_folder_without_pictures_is_said_to_be_no_class(flat: Path):
    (flat / "elk").mkdir()
    (flat / "elk" / "0.heic").write_bytes(b"a phone's")
    found = OwnFolders().read(flat)
    assert found.classes == tuple(COUNTS)
    assert in_words(found.aside) == [
        "left aside as no picture by its ending: 1 (.heic 1), elk/0.heic",
        "left aside as a folder without a picture in it, so no class: 1, elk",
    ]


def test_a_link_to_a_class_is_no_other_class(flat: Path):
    (flat / "Cat").symlink_to("cat")
    found = OwnFolders().read(flat)
    assert found.classes == tuple(COUNTS)
    assert in_words(found.aside) == ["left aside as a folder that a link leads to once more: 1, Cat"]


def test_no_pictures(tmp_path: Path):
    (tmp_path / "cat").mkdir()
    with pytest.raises(ValueError, match=f"{tmp_path}: no folder with pictures in it; known endings: .jpg"):
        OwnFolders().read(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"no folder 'train' in {tmp_path}"):
        OwnFolders(train="train").read(tmp_path)


def test_a_class_that_is_not_trained_on(tmp_path: Path):
    save(class_folders(tmp_path), "val/d/0.png", picture(0))
    with pytest.raises(ValueError, match=f"{tmp_path / 'val' / 'd'}: the training images have no class of this name"):
        OwnFolders(train="train", validation="val").read(tmp_path)


def test_names_that_are_no_utf8(tmp_path: Path):
    for label, name in enumerate((b"caf\xe9", b"th\xe9")):
        for number in range(3):
            save(tmp_path, os.fsdecode(name + b"/%d\xff.png" % number), picture(10 * label + number, 8, 8))
    dataset = spec(tmp_path).load()
    assert [os.fsencode(name) for name in dataset.classes] == [b"caf\xe9", b"th\xe9"]
    assert [len(split) for split in dataset_splits(dataset)] == [2, 2, 2]
    (tmp_path / os.fsdecode(b"caf\xe9") / os.fsdecode(b"2\xff.png")).unlink()
    with pytest.raises(ValueError, match=r"caf\\xe9 has 2: add pictures") as raised:
        OwnFolders().read(tmp_path)
    str(raised.value).encode()


def test_where_too_few_are_left_none_is_held_out(flat: Path):
    """Of three pictures one is tested on and one torn; the last one is trained on."""
    listing = OwnFolders().read(flat)
    left = [name for name in listing.train if name.startswith("fox/")]
    (flat / left[0]).write_bytes(b"torn")
    train, validation, test = dataset_splits(spec(flat, skip_bad=True).load())
    assert [split.labels.tolist().count(2) for split in (train, validation, test)] == [1, 0, 1]
