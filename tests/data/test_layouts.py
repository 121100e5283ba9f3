"""Class folders and lists give every picture its split and its class, or one line on what is wrong with them."""

from pathlib import Path

import pytest

from data_files import class_folders, picture, save
from raykd.data.cub200 import CUB200
from raykd.data.formats.file_names import EMPTY, HIDDEN, Aside
from raykd.data.formats.layouts import ClassFolders
from raykd.data.image_folder import ImageFolder
from raykd.data.sun397 import SUN397


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return class_folders(tmp_path, num_train=2, num_test=1)


@pytest.fixture
def tiny_imagenet(tmp_path: Path) -> Path:
    """Tiny-ImageNet as it comes: `val` is not sorted into classes."""
    for name in ("n02", "n01"):
        for number in range(3):
            save(tmp_path, f"train/{name}/images/{name}_{number}.JPEG", picture(number, 8, 8))
        (tmp_path / "train" / name / f"{name}_boxes.txt").write_text("n02_0.JPEG\t0\t0\t7\t7\n")
    for number in range(3):
        save(tmp_path, f"val/images/val_{number}.JPEG", picture(number, 8, 8))
    annotations = "val_0.JPEG\tn02\t0\t0\t7\t7\nval_1.JPEG\tn01\t0\t0\t7\t7\nval_2.JPEG\tn02\t0\t0\t7\t7\n"
    (tmp_path / "val" / "val_annotations.txt").write_text(annotations)
    return tmp_path


@pytest.fixture
def cub(tmp_path: Path) -> Path:
    paths = ["001.Crow/crow_1.jpg", "002.Wren/wren_1.jpg", "002.Wren/wren_2.jpg", "001.Crow/crow_2.jpg"]
    for seed, path in enumerate(paths):
        save(tmp_path, f"CUB_200_2011/images/{path}", picture(seed))
    lists = {
        "images.txt": [f"{number} {path}" for number, path in enumerate(paths, 1)],
        "image_class_labels.txt": ["1 1", "2 2", "3 2", "4 1"],
        "train_test_split.txt": ["1 1", "2 0", "3 1", "4 0"],
        "classes.txt": ["1 001.Crow", "2 002.Wren"],
    }
    for name, rows in lists.items():
        (tmp_path / "CUB_200_2011" / name).write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def sun(tmp_path: Path) -> Path:
    folder = tmp_path / "SUN397"
    pictures = ["/a/abbey/sun_1.jpg", "/a/abbey/sun_2.jpg", "/a/apse/indoor/sun_3.jpg", "/a/apse/indoor/sun_4.jpg"]
    for seed, path in enumerate(pictures):
        save(folder, path[1:], picture(seed))
    (folder / "ClassName.txt").write_text("/a/abbey\n/a/apse/indoor\n")
    (folder / "Training_02.txt").write_text(f"{pictures[0]}\n{pictures[2]}\n")
    (folder / "Testing_02.txt").write_text(f"{pictures[1]}\n{pictures[3]}\n")
    return tmp_path


def test_class_folders(root: Path):
    (root / "train" / "a" / "notes.txt").write_text("no picture")
    save(root, "train/b/deeper/9.PNG", picture(0))
    listing = ClassFolders().read(root)
    assert listing.classes == ("a", "b", "c")
    assert listing.train == {
        "train/a/0.png": 0,
        "train/a/1.jpg": 0,
        "train/b/0.png": 1,
        "train/b/1.jpg": 1,
        "train/b/deeper/9.PNG": 1,
        "train/c/0.png": 2,
        "train/c/1.jpg": 2,
    }
    assert listing.test == {"val/a/0.png": 0, "val/b/0.png": 1, "val/c/0.png": 2}


def test_other_names_of_folders(root: Path):
    (root / "val").rename(root / "test")
    assert len(ClassFolders(test="test").read(root).test) == 3
    with pytest.raises(FileNotFoundError, match=f"no folder 'val' in {root}"):
        ClassFolders().read(root)


def test_a_link_to_a_folder_of_a_class(root: Path, tmp_path: Path):
    (root / "train" / "c").rename(tmp_path / "elsewhere")
    (root / "train" / "c").symlink_to(tmp_path / "elsewhere")
    assert ClassFolders().read(root).train["train/c/0.png"] == 2


def test_an_empty_folder_is_no_class(root: Path):
    before = ClassFolders().read(root)
    for name in ("bb", ".ipynb_checkpoints"):
        (root / "train" / name).mkdir()
    found = ClassFolders().read(root)
    assert (found.classes, found.train) == (before.classes, before.train)
    assert found.aside == (Aside("train/.ipynb_checkpoints", HIDDEN), Aside("train/bb", EMPTY))


def test_a_class_without_pictures(root: Path):
    (root / "train" / "bb").mkdir()
    (root / "train" / "bb" / "1.heic").write_bytes(b"")
    with pytest.raises(ValueError, match=f"{root / 'train' / 'bb'}: no picture in it; known endings: .jpg, "):
        ClassFolders().read(root)


def test_a_class_that_is_not_trained_on(root: Path):
    save(root, "val/d/0.png", picture(0))
    with pytest.raises(ValueError, match=f"{root / 'val' / 'd'}: the training images have no class of this name"):
        ClassFolders().read(root)


def test_no_pictures_for_the_test(tmp_path: Path):
    class_folders(tmp_path, num_test=0)
    (tmp_path / "val").mkdir()
    with pytest.raises(ValueError, match=f"{tmp_path / 'val'}: no picture in it"):
        ClassFolders().read(tmp_path)


def test_no_folder_of_training_images(cub: Path):
    with pytest.raises(FileNotFoundError, match=f"no folder 'train' .* in {cub}; set root, or layout .* CUB200()"):
        ClassFolders().read(cub)


def test_one_folder_for_two_splits():
    with pytest.raises(ValueError, match="train, test and validation must be different folders, got train, val, val"):
        ClassFolders(validation="val")


def test_tiny_imagenet_as_it_comes(tiny_imagenet: Path):
    listing = ClassFolders().read(tiny_imagenet)
    assert listing.classes == ("n01", "n02")
    assert len(listing.train) == 6
    assert listing.train["train/n02/images/n02_1.JPEG"] == 1
    assert listing.test == {"val/images/val_0.JPEG": 1, "val/images/val_1.JPEG": 0, "val/images/val_2.JPEG": 1}


@pytest.mark.parametrize("below", ["", "images/"])
def test_tiny_imagenet_sorted(tiny_imagenet: Path, below: str):
    """Sorted by a script that left the list, and an empty folder."""
    for number, name in enumerate(("n02", "n01", "n02")):
        path = tiny_imagenet / "val" / name / f"{below}val_{number}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        (tiny_imagenet / "val" / "images" / f"val_{number}.JPEG").rename(path)
    found = ClassFolders().read(tiny_imagenet).test
    prefix = {0: f"val/n01/{below}", 1: f"val/n02/{below}"}
    assert found == {f"{prefix[1]}val_0.JPEG": 1, f"{prefix[0]}val_1.JPEG": 0, f"{prefix[1]}val_2.JPEG": 1}


def test_an_annotation_of_an_unknown_class(tiny_imagenet: Path):
    file = tiny_imagenet / "val" / "val_annotations.txt"
    file.write_text("val_0.JPEG\tn03\t0\t0\t7\t7\n")
    with pytest.raises(ValueError, match=f"{file}: .*n03.* names no class that the training images have"):
        ClassFolders().read(tiny_imagenet)


@pytest.mark.parametrize("below", ["", "CUB_200_2011"])
def test_cub200(cub: Path, below: str):
    listing = CUB200().read(cub / below)
    assert listing.classes == ("001.Crow", "002.Wren")
    assert listing.train == {"images/001.Crow/crow_1.jpg": 0, "images/002.Wren/wren_2.jpg": 1}
    assert listing.test == {"images/002.Wren/wren_1.jpg": 1, "images/001.Crow/crow_2.jpg": 0}
    dataset = ImageFolder(root=str(cub), layout=CUB200(), validation=0.5).load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("train_test_split.txt", "1 1\n2 0\n3 1\n", "its 3 images are not the 4 of images.txt"),
        ("train_test_split.txt", "1 1\n2 0\n3 1\n4 2\n", "image 4 is marked '2', neither 1 nor 0"),
        ("image_class_labels.txt", "1 1\n2 2\n3 3\n4 1\n", "class 3 is not in classes.txt"),
        ("images.txt", "1\n", "needs two words a line, got '1'"),
    ],
)
def test_a_list_of_cub200_that_does_not_fit(cub: Path, file: str, text: str, message: str):
    path = cub / "CUB_200_2011" / file
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path}: {message}"):
        CUB200().read(cub)


def test_a_list_of_cub200_is_missing(cub: Path):
    (cub / "CUB_200_2011" / "classes.txt").unlink()
    with pytest.raises(FileNotFoundError, match=f"no classes.txt in {cub / 'CUB_200_2011'}"):
        CUB200().read(cub)
    with pytest.raises(FileNotFoundError, match=f"no train_test_split.txt in {cub / 'none'} or "):
        CUB200().read(cub / "none")


@pytest.mark.parametrize("lists", ["SUN397", "SUN397/Partitions", ".", "Partitions"])
def test_sun397(sun: Path, lists: str):
    (sun / lists).mkdir(exist_ok=True)
    for name in ("Training_02.txt", "Testing_02.txt"):
        (sun / "SUN397" / name).rename(sun / lists / name)
    listing = SUN397(partition=2).read(sun)
    assert listing.classes == ("/a/abbey", "/a/apse/indoor")
    assert listing.train == {"a/abbey/sun_1.jpg": 0, "a/apse/indoor/sun_3.jpg": 1}
    assert listing.test == {"a/abbey/sun_2.jpg": 0, "a/apse/indoor/sun_4.jpg": 1}


def test_a_partition_of_sun397_that_is_not_there(sun: Path):
    with pytest.raises(FileNotFoundError, match=f"no Training_01.txt in any of {sun / 'SUN397'}, "):
        SUN397().read(sun)
    with pytest.raises(ValueError, match="partition must be 1 to 10, got 11"):
        SUN397(partition=11)


def test_a_picture_of_no_class_of_sun397(sun: Path):
    file = sun / "SUN397" / "Testing_02.txt"
    file.write_text("/z/zoo/sun_9.jpg\n")
    with pytest.raises(ValueError, match=f"{file}: /z/zoo/sun_9.jpg is of no class in ClassName.txt"):
        SUN397(partition=2).read(sun)


def test_a_listed_picture_that_is_not_there(sun: Path):
    path = sun / "SUN397" / "a/abbey/sun_2.jpg"
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 4 pictures cannot be used: a/abbey/sun_2.jpg \(not there\)"):
        ImageFolder(root=str(sun), layout=SUN397(partition=2), validation=0.5).load()


def test_a_picture_in_two_splits(sun: Path):
    file = sun / "SUN397" / "Testing_02.txt"
    file.write_text("/a/abbey/sun_1.jpg\n")
    with pytest.raises(ValueError, match=r"a/abbey/sun_1\.jpg is for training and for the test or the validation"):
        ImageFolder(root=str(sun), layout=SUN397(partition=2), validation=0.5).load()
