"""From a path to a data set: what is found, chosen and said, and one line where nothing can be made of it."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_files import class_folders, picture, save, table, write_table
from raykd.data import Augmentation, Frame, ResizedCrop
from raykd.data.finding import find_data, fitting
from raykd.data.finding.fitting import augmentation_for, frame_for, mirrors, room_in_memory
from raykd.data.finding.folders import laid_out
from raykd.data.finding.lists import list_layout
from raykd.data.finding.tables import table_layout, tables_in
from raykd.data.formats.layouts import ClassFolders
from raykd.data.formats.own_folders import OwnFolders
from raykd.data.formats.picture_list import PictureList
from raykd.data.formats.picture_table import PictureTable
from raykd.space.serialise import decode, encode


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is found out is kept below the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / ".home"))
    return tmp_path / ".home"


def flat(root: Path, count: int = 10, classes: tuple[str, ...] = ("cat", "dog"), size: int = 8) -> Path:
    for label, name in enumerate(classes):
        for number in range(count):
            save(root, f"{name}/{number:02d}.png", picture(100 * label + number, size, size))
    return root


def test_a_flat_folder(tmp_path: Path):
    found = find_data(flat(tmp_path / "PHOTOS"))
    assert found.classes == ("cat", "dog")
    assert found.counts == {"train": (7, 7), "validation": (1, 1), "test": (2, 2)}
    data: Any = found.data
    assert data.layout == OwnFolders(test_share=0.15)
    assert (data.frame, data.in_memory, data.validation) == (Frame(resize=8, size=8), True, 0.15)
    assert data.augmentation == Augmentation(padding=1, flip=True)
    assert decode(encode(data)) == data
    assert found.lines() == [
        f"data: 20 pictures in {tmp_path / 'PHOTOS'}, 2 classes: cat 10, dog 10",
        "splits: train 14, validation 2, test 4; validation and test cut by a fixed seed, a share of each class, "
        "copies together",
        "sizes: 8 x 8 pixels",
        "seen as: squares of 8 pixels, kept in memory; trained on crops with 1 pixels of padding and mirror images",
    ]


def test_the_data_set_that_is_found_loads(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (flat(tmp_path / "PHOTOS") / "cat" / "notes.txt").touch()
    found = find_data(tmp_path / "PHOTOS", mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), size=16)
    dataset = found.data.load()
    assert found.notes == ("left aside as no picture by its ending: 1 (.txt 1), cat/notes.txt",)
    assert "notes.txt" not in caplog.text  # it is in the lines, and not said twice
    assert dataset.image_shape == (3, 16, 16)
    assert (dataset.mean, dataset.std) == ((0.5,) * 3, (0.2,) * 3)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [14, 2, 4]


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        ({"train": "train", "val": "VAL"}, OwnFolders(train="train", validation="VAL")),
        ({"train": "Training", "val": "testing"}, OwnFolders(train="Training", test="testing")),
        (
            {"train": "train", "val": "dev", "test": "Test"},
            OwnFolders(train="train", validation="dev", test="Test"),
        ),
    ],
)
def test_folders_of_splits(tmp_path: Path, names: dict[str, str], layout: OwnFolders):
    class_folders(tmp_path)
    shutil.copytree(tmp_path / "val", tmp_path / "test")
    for before, after in names.items():
        (tmp_path / before).rename(tmp_path / f"{after}_")
    for folder in tmp_path.iterdir():
        shutil.rmtree(folder) if not folder.name.endswith("_") else folder.rename(folder.with_name(folder.name[:-1]))
    found = find_data(tmp_path)
    assert found.data.layout == layout
    assert (found.data.validation is None) == (layout.validation is not None)
    assert all(min(counts) > 0 for counts in found.counts.values())


def test_val_is_said_to_be_the_test_where_tiny_imagenets_list_is(tmp_path: Path):
    class_folders(tmp_path)
    (tmp_path / "val" / "val_annotations.txt").write_text("")
    assert laid_out(tmp_path).layout == ClassFolders()
    assert "val is the test here, as in Tiny-ImageNet" in find_data(tmp_path).lines()[4]


def test_folders_that_lie_deeper_are_followed_and_said(tmp_path: Path):
    deeper = flat(tmp_path / "PHOTOS" / "PHOTOS" / "all")
    (tmp_path / "PHOTOS" / "__MACOSX").mkdir()
    found = find_data(tmp_path / "PHOTOS")
    assert found.data.root == str(deeper)
    assert found.lines()[4] == f"the class folders lie deeper, in {deeper}"


def test_what_is_left_aside_and_what_lacks(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    class_folders(tmp_path / "P")
    (tmp_path / "P" / "train" / "a" / "notes.txt").write_text("")
    shutil.rmtree(tmp_path / "P" / "val" / "b")
    save(tmp_path / "P", "unlabelled/1.png", picture(0))
    save(tmp_path / "P", "test/1.png", picture(0))
    (tmp_path / "P" / "train" / "c" / "0.png").write_bytes(b"torn")
    content = (tmp_path / "P" / "train" / "a" / "0.png").read_bytes()
    (tmp_path / "P" / "val" / "a" / "copy.png").write_bytes(content)
    (tmp_path / "P" / "train" / "b" / "copy.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"1 of 26 pictures cannot be used: train/c/0.png \(it is no picture of a"):
        find_data(tmp_path / "P")
    found = find_data(tmp_path / "P", skip_bad=True)
    found.data.load()
    assert caplog.records == []  # it is in the notes
    notes = "\n".join(found.notes)
    for expected in (
        "left aside: folder unlabelled, of no split",
        "left aside: folder test, 1 pictures and no folder for each class",
        "left aside as no picture by its ending: 1 (.txt 1), train/a/notes.txt",
        "goes on without some: 1 of 26 pictures cannot be used: train/c/0.png",
        "no pictures in the validation of: b",
        "copies of one picture lie in two splits (validation and train 1), such as train/a/0.png and val/a/copy.png",
        "copies of one picture are of two classes (1), such as train/a/0.png and train/b/copy.png",
    ):
        assert expected in notes


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ((), "no folder for each class; sort the pictures, or list them in a CSV"),
        (("1.png", "2.jpg"), "2 pictures and no folder for each class"),
        (("cat/1.png",), "a data set needs at least two classes, and there is cat"),
        (("cat/1.png", "test/1.png"), "a folder 'test', but none of training images with class folders in it; known"),
        (("train/a/1.png", "val/a/1.png", "Valid/a/1.png"), "two folders for validation, Valid and val; move one"),
        (("cat/train/1.png", "cat/test/1.png", "dog/train/1.png"), "as test/cat"),
        (("cat/1.png", "dog/1.png", "dog/2.png", "dog/3.png"), "at least 3 different .*; cat has 1: add pictures"),
        (("cat/1.txt", "dog/1.txt"), "no folder with pictures in it; known endings: .jpg"),
    ],
)
def test_folders_that_make_no_data_set(tmp_path: Path, pictures: tuple[str, ...], message: str):
    for number, name in enumerate(pictures):
        if name.endswith("txt"):
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).touch()
        else:
            save(tmp_path, name, picture(number))
    with pytest.raises(ValueError, match=message) as raised:
        find_data(tmp_path)
    assert "\n" not in str(raised.value)


def test_no_path_and_no_pictures(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=f"no folder and no file {tmp_path / 'none'}"):
        find_data(tmp_path / "none")
    (tmp_path / "photo.zip").touch()
    with pytest.raises(ValueError, match=r"photo.zip: neither a folder of pictures, nor a list of them \(.csv"):
        find_data(tmp_path / "photo.zip")


@pytest.mark.parametrize(
    ("lines", "layout"),
    [
        (["a.png,cat"], PictureList(file="l.csv", header=False)),
        (["cat,a.png", "dog,b.png"], PictureList(file="l.csv", path=1, label=0, header=False)),
        (["a.png,cat,train", "b.png,cat,VAL"], PictureList(file="l.csv", split=2, header=False)),
        (["file,label", "a.png,cat"], PictureList(file="l.csv", path="file", label="label")),
        (
            ["id;species;image;subset", '1;cat;"a, b;.png";test'],
            PictureList(file="l.csv", path="image", label="species", split="subset", delimiter=";"),
        ),
        (
            ["\tname\tclass\twidth", "0\ta.jpg\tcat\t8"],
            PictureList(file="l.csv", path="name", label="class", delimiter="\t"),
        ),
        (["x,x", "a.jpg,cat"], PictureList(file="l.csv")),
    ],
)
def test_the_columns_of_a_list(tmp_path: Path, lines: list[str], layout: PictureList):
    (tmp_path / "l.csv").write_text("\n".join(lines) + "\n")
    assert list_layout(tmp_path / "l.csv") == layout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "l.csv: empty"),
        (
            "id,breed\n7,cat\n8,dog\n",
            "none of its columns is a picture's path, as ends in .jpg or .png",
        ),
        ("file,mask\na.png,b.png\n", "none of its columns is the label"),
        (
            "file,width,height\na.png,8,9\n",
            "2 of its columns may be the label; its columns: file, width, height; call it 'label'",
        ),
        ("a.png\n", "none of its columns is the label"),
    ],
)
def test_lists_whose_columns_cannot_be_told(tmp_path: Path, text: str, message: str):
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        list_layout(tmp_path / "l.csv")


def test_a_list_as_a_data_set(tmp_path: Path):
    flat(tmp_path)
    lines = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in sorted(tmp_path.rglob("*.png"))]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *lines, lines[0]]))
    found = find_data(tmp_path / "labels.csv")
    assert found.counts == {"train": (7, 7), "validation": (1, 1), "test": (2, 2)}
    assert found.notes == ("left aside as listed more than once: 1, cat/00.png",)


@pytest.mark.parametrize(
    ("sides", "size", "frame"),
    [
        ((64, 64), None, (64, 64)),
        ((64, 80), None, (64, 64)),
        ((28, 28), None, (28, 28)),
        ((40, 40), None, (32, 32)),
        ((90, 100), None, (96, 96)),
        ((120, 160), None, (128, 128)),
        ((140, 160), None, (128, 128)),
        ((150, 200), None, (160, 160)),
        ((500, 375), None, (256, 224)),
        ((240, 240), None, (224, 224)),
        ((500, 375), 160, (182, 160)),
        ((64, 64), 224, (224, 224)),
        ((500, 375), 32, (32, 32)),
    ],
)
def test_the_frame_suits_the_pictures(sides: tuple[int, int], size: int | None, frame: tuple[int, int]):
    found = frame_for([sides[0], 1, 9000], [sides[1], 1, 9000], size)
    assert (found.resize, found.size) == frame


def test_the_augmentation_suits_the_frame_and_the_classes():
    small, large = Frame(resize=64, size=64), Frame()
    assert augmentation_for(small, ["cat", "dog"]) == Augmentation(padding=8, flip=True)
    assert augmentation_for(large, ["cat", "dog"]) == Augmentation(resized=ResizedCrop(), flip=True)
    assert augmentation_for(small, ["turn left", "turn right"]) == Augmentation(padding=8)
    assert [mirrors(names) for names in (["0", "1"], ["A", "b"], ["a", "cat"], ["bright", "dim"], ["Left", "up"])] == [
        False,
        False,
        True,
        True,
        False,
    ]


def test_what_does_not_fit_into_memory_stays_in_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert 0 < room_in_memory() <= 2 << 30
    monkeypatch.setattr(fitting, "MOST_IN_MEMORY", 20 * 3 * 8 * 8 - 1)
    found = find_data(flat(tmp_path))
    assert not found.data.in_memory
    assert "decoded from their files in every epoch" in found.lines()[3]


def test_of_many_pictures_some_thousands_are_held_out_and_some_are_measured(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr("raykd.data.finding.find._MOST_HELD_OUT", 2)
    monkeypatch.setattr("raykd.data.finding.measured.MOST", 5)
    found = find_data(flat(tmp_path))
    assert (found.data.validation, found.data.layout) == (0.1, OwnFolders(test_share=0.1))
    assert found.lines()[2] == "sizes: 8 x 8 pixels (of 5 of them)"


def test_many_classes_are_told_by_the_smallest_and_the_largest(tmp_path: Path):
    flat(tmp_path, 3, tuple(f"class {number}" for number in range(11)))
    save(tmp_path, "class 7/more.png", picture(900, 12, 10))
    lines = find_data(tmp_path).lines()
    assert lines[0].endswith("11 classes of 3 pictures (class 0) to 4 (class 7)")
    assert lines[2] == "sizes: 8 to 12 (median 8) pixels wide and 8 to 10 (median 8) high"


def test_labels_with_gaps_are_said_to_be_counted(tmp_path: Path):
    pictures = sorted(flat(tmp_path).rglob("*.png"))
    lines = [f"{path.relative_to(tmp_path)},{(12, 3)[number % 2]}" for number, path in enumerate(pictures)]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    found = find_data(tmp_path / "labels.csv")
    assert found.classes == ("3", "12")
    assert found.notes == ("labels are counted from 0: 3 is 0, 12 is 1",)


def test_a_folder_with_a_list_in_it(tmp_path: Path):
    pictures = sorted(flat(tmp_path / "images").rglob("*.png"))
    for path in pictures:
        path.rename(tmp_path / "images" / f"{path.parent.name} {path.name}")
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).rmdir()
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    (tmp_path / "list.csv").write_text("\n".join(f"images/{name},{name[:3]}" for name in names))
    found = find_data(tmp_path)
    assert found.counts == {"train": (7, 7), "validation": (1, 1), "test": (2, 2)}
    assert found.notes == ("the labels are those of list.csv",)


def test_tables_as_datasets_lays_them_out(tmp_path: Path):
    write_table(tmp_path / "disk" / "data-00000-of-00002.arrow", table(20))
    write_table(tmp_path / "disk" / "data-00001-of-00002.arrow", table(10, 100))
    write_table(tmp_path / "disk" / "cache-1234.arrow", table(3))
    found = find_data(tmp_path / "disk")
    assert found.data.layout == PictureTable(train="data-0000*.arrow")
    assert found.classes == ("cat", "dog")
    assert found.counts == {"train": (11, 11), "validation": (2, 2), "test": (2, 2)}
    assert found.lines()[2] == "sizes: 8 x 8 pixels"
    dataset = found.data.load()
    assert (dataset.image_shape, len(dataset.train)) == ((3, 8, 8), 22)


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        (["all [1].parquet"], PictureTable(train="all [[]1].parquet")),
        (["a.parquet", "b.parquet"], PictureTable(train="*.parquet")),
        (
            ["data/train-0-of-2.parquet", "data/train-1-of-2.parquet", "data/test-0-of-1.parquet"],
            PictureTable(train="data/train-*.parquet", test="data/test-0-of-1.parquet"),
        ),
        (
            ["train/data-0.arrow", "valid/data-0.arrow", "extra/data-0.arrow"],
            PictureTable(train="train/data-0.arrow", validation="valid/data-0.arrow"),
        ),
    ],
)
def test_which_tables_are_of_which_split(tmp_path: Path, files: list[str], layout: PictureTable):
    for name in files:
        write_table(tmp_path / name, table(4))
    assert tables_in(tmp_path) == sorted(files)
    found = table_layout(tmp_path, sorted(files))
    assert found.layout == layout
    assert found.notes == tuple(f"left aside: {name}, of no split" for name in files if name.startswith("extra"))


def test_which_columns_of_a_table_are_which(tmp_path: Path):
    plain = pa.table({"id": [1, 2], "jpg": [b"1", b"2"], "species": ["a", "b"], "Set": ["train", "TEST"]})
    write_table(tmp_path / "a.parquet", plain)
    layout = table_layout(tmp_path, ["a.parquet"]).layout
    assert layout == PictureTable(train="a.parquet", image="jpg", label="species", split="Set")
    write_table(tmp_path / "a.parquet", plain.drop(["jpg"]))
    with pytest.raises(ValueError, match="none of its columns is the pictures' bytes; its columns: id, species, Set"):
        table_layout(tmp_path, ["a.parquet"])
    write_table(tmp_path / "a.parquet", plain.rename_columns(["id", "jpg", "what", "Set"]))
    with pytest.raises(ValueError, match="2 of its columns may be the label; its columns: id, jpg, what, Set; call it"):
        table_layout(tmp_path, ["a.parquet"])


def test_tables_whose_splits_cannot_be_told(tmp_path: Path):
    write_table(tmp_path / "test.parquet", table(4))
    with pytest.raises(ValueError, match=f"{tmp_path}: no table of training images; there are test.parquet"):
        find_data(tmp_path)
    for name in ("train.parquet", "training_2.parquet", "trainee.parquet"):
        write_table(tmp_path / name, table(4))
    with pytest.raises(ValueError, match="of one split, and no pattern fits them alone"):
        find_data(tmp_path)


def test_a_table_beside_class_folders_is_no_data_set(tmp_path: Path):
    (flat(tmp_path) / "embeddings.parquet").touch()
    assert find_data(tmp_path).data.layout == OwnFolders(test_share=0.15)
