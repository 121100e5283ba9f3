"""What every source promises, and that a recipe finds its data wherever it is run."""

import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import raykd.data
from data_files import idx_contents, write
from raykd.data import Frame
from raykd.data.cifar import CIFAR100
from raykd.data.dataset import DataSpec
from raykd.data.digits import Digits
from raykd.data.fashion_mnist import FashionMNIST
from raykd.data.image_folder import ImageFolder
from raykd.data.mnist import MNIST
from raykd.data.synthetic import Synthetic
from raykd.space.serialise import decode, encode, fingerprint
from raykd.testing import check_data, check_value
from tiny import TinyData

MODULES = [importlib.import_module(f"raykd.data.{found.name}") for found in pkgutil.iter_modules(raykd.data.__path__)]
SOURCES: list[Any] = [
    cls
    for module in MODULES
    for _, cls in inspect.getmembers(module, dataclasses.is_dataclass)
    if cls.__module__ == module.__name__ and {"name", "load"} <= set(dir(cls))
]
PUBLISHED = [cls for cls in SOURCES if "download" in {field.name for field in dataclasses.fields(cls)}]

every_source = pytest.mark.parametrize("cls", SOURCES, ids=lambda cls: cls.__name__)
every_published = pytest.mark.parametrize("cls", PUBLISHED, ids=lambda cls: cls.__name__)


def smallest(cls: Any, folder: Path) -> Any:
    """A source at its defaults, with pictures in a folder where it needs one."""
    if cls is not ImageFolder:
        return cls()
    for number in range(8):
        picture = folder / "pictures" / ("val" if number % 4 == 0 else "train") / "ab"[number // 4] / f"{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 30 * number, np.uint8)).save(picture)
    return ImageFolder(root=str(folder / "pictures"), frame=Frame(resize=8, size=8), cache=None)


def test_the_walk_finds_what_is_there():
    names = {"CIFAR10", "CIFAR100", "Digits", "FashionMNIST", "ImageFolder", "MNIST", "STL10", "SVHN", "Synthetic"}
    assert names <= {cls.__name__ for cls in SOURCES}
    assert len(PUBLISHED) >= 6


@every_source
def test_a_source_is_a_value_with_a_name_of_its_own(cls: Any, tmp_path: Path):
    check_value(smallest(cls, tmp_path), DataSpec)
    assert all(field.kw_only for field in dataclasses.fields(cls))
    assert smallest(cls, tmp_path) == smallest(cls, tmp_path)
    assert len({other.name for other in SOURCES}) == len(SOURCES)


@pytest.mark.parametrize("spec", [Digits(), Synthetic(), TinyData()], ids=lambda spec: spec.name)
def test_a_source_that_is_there_keeps_its_promises(spec: Any):
    check_data(spec)


def test_a_source_of_files_keeps_its_promises(tmp_path: Path):
    write(tmp_path / "MNIST" / "raw", idx_contents())
    check_data(MNIST(root=str(tmp_path), validation=8))
    check_data(smallest(ImageFolder, tmp_path))


@every_source
def test_the_docstring_explains_every_field(cls: Any):
    _, _, arguments = cls.__doc__.partition("Args:\n")
    explained = {name for line in re.findall(r"^ +(\w+(?:, \w+)*): ", arguments, re.M) for name in line.split(", ")}
    assert {field.name for field in dataclasses.fields(cls)} == explained


@every_published
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"validation": 0}, "validation must be at least 1 image, got 0"),
        ({"limit": 0}, "limit must be None or at least 1 image, got 0"),
        ({"mean": None, "std": (0.5,)}, "mean and std must be given together"),
        ({"mean": (0.5,) * 4, "std": (0.5,) * 4}, "mean and std must be one number for each of [13] channels"),
    ],
)
def test_refusals(cls: Any, wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        cls(**wrong)


@every_published
def test_nothing_there(cls: Any, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}; set root to the folder that has them, or download=True"):
        cls(root=str(tmp_path)).load()


@every_published
def test_where_it_lies_is_no_part_of_what_it_is(cls: Any, tmp_path: Path):
    here, there = cls(root=str(tmp_path)), cls(root="~/elsewhere", download=True)
    assert fingerprint(here) == fingerprint(there) == fingerprint(cls())
    assert encode(here)["root"] == str(tmp_path)
    assert fingerprint(cls(seed=1)) != fingerprint(here)


@pytest.mark.parametrize("cls", [*PUBLISHED, ImageFolder], ids=lambda cls: cls.__name__)
def test_a_relative_root_counts_from_where_the_recipe_is_made(
    cls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    spec = cls(root="./data")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert spec.root == pickle.loads(pickle.dumps(spec)).root == decode(encode(spec)).root == str(tmp_path / "data")
    assert dataclasses.replace(spec, seed=1).root == str(tmp_path / "data")
    assert cls(root="~/data").root == "~/data"


def test_data_here_is_found_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert MNIST().root is None
    write(tmp_path / "data" / "MNIST" / "raw", idx_contents())
    spec = MNIST(validation=8)
    assert spec.root == str(tmp_path / "data")
    assert FashionMNIST().root is None  # the folder is there, but this set is not in it
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(spec.load().train) == 22


def test_the_home_folder_is_that_of_the_process_that_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "sets" / "MNIST" / "raw", idx_contents())
    spec = MNIST(root="~/sets", validation=8)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(spec.load().train) == 22


def test_every_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(FileNotFoundError) as raised:
        CIFAR100().load()
    message = str(raised.value)
    assert "\n" not in message
    for place in ("data/cifar-100-python", "data", tmp_path / "home/.cache/raykd/cifar-100-python"):
        assert str(place) in message
