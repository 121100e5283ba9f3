"""A student's file stands alone: without the data set, without the search, without code of a stranger's."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import raykd
import tiny
from raykd.data.dataset import load
from raykd.data.image_folder import ImageFolder
from raykd.data.views.decoding import Frame
from raykd.models.cnn import CNN
from raykd.recipe import Recipe
from raykd.runs.student_file import STUDENT, facts, save_student

SUMMARY = {"metrics": {"val/accuracy": 0.75, "train/loss": 1.0}, "test_accuracy": 0.5, "verdict": "winner: x"}


@dataclass(frozen=True, kw_only=True)
class OwnNet(CNN):
    pass


def written(folder: Path, recipe: Recipe) -> Path:
    dataset = load(recipe.data, torch.device("cpu"))
    torch.manual_seed(0)
    staged = recipe.student.build(dataset.num_classes, dataset.image_shape)
    save_student(folder / STUDENT, staged.network.state_dict(), recipe, facts(SUMMARY))
    return folder / STUDENT


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ten pictures of two classes for each split, 12 pixels wide and 20 high, red or blue with some noise."""
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        for name, channel in (("red", 0), ("blue", 2)):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            for index in range(5):
                pixels = generator.integers(0, 60, (20, 12, 3), np.uint8)
                pixels[..., channel] += 180
                Image.fromarray(pixels).save(tmp_path / "photos" / split / name / f"{index}.png")
    return tmp_path / "photos"


def recipe_of(photos: Path) -> Recipe:
    data = ImageFolder(root=str(photos), frame=Frame(resize=10, size=8), cache=None)
    return Recipe(data=data, student=CNN(widths=(3, 4)), epochs=1, batch_size=2)


def test_it_needs_neither_the_data_nor_the_search(photos: Path, tmp_path: Path):
    recipe = recipe_of(photos)
    file = written(tmp_path, recipe)
    dataset = load(recipe.data, torch.device("cpu"))
    batch = next(iter(dataset.plain(dataset.validation)))
    files = [dataset.validation.images.root / name for name in dataset.validation.images.names]
    copies = [shutil.copy(path, tmp_path / f"{number}.png") for number, path in enumerate(files)]
    shutil.rmtree(photos)
    load.cache_clear()
    student = raykd.load_student(file)
    assert student.classes == ("blue", "red")
    assert not student.training
    assert student.facts["accuracy"] == {"validation": 0.75, "test": 0.5}
    assert student.facts["verdict"] == "winner: x"
    with torch.inference_mode():
        expected = student.network(batch.images).softmax(dim=1)
    assert torch.equal(student.predict(copies), expected)  # to the bytes as the validation images
    assert torch.equal(raykd.load_student(tmp_path).predict(copies), expected)


def test_pictures_and_bytes_are_taken_as_files_are(photos: Path, tmp_path: Path):
    student = raykd.load_student(written(tmp_path, recipe_of(photos)))
    file = photos / "val" / "red" / "0.png"
    (expected,) = student.predict([file])
    with Image.open(file) as picture:
        assert torch.equal(student.predict([picture])[0], expected)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    assert torch.equal(student.predict(pixels)[0], expected)
    assert torch.equal(student.predict(student.preparation.images([file]))[0], expected)
    assert expected.sum() == pytest.approx(1.0)
    assert student.predict([]).shape == (0, 2)
    assert torch.equal(student.predict([file] * 5, batch_size=2), expected.expand(5, 2))


def test_a_grey_picture_goes_to_a_network_of_three_channels(photos: Path, tmp_path: Path):
    student = raykd.load_student(written(tmp_path, recipe_of(photos)))
    grey = torch.randint(256, (2, 1, 20, 12), dtype=torch.uint8)
    assert torch.equal(student.predict(grey), student.predict(grey.expand(2, 3, 20, 12)))


BYTES = torch.uint8


@pytest.mark.parametrize(
    "given", [torch.rand(2, 3, 8, 8), torch.zeros(3, 8, 8, dtype=BYTES), torch.zeros(1, 2, 8, 8, dtype=BYTES)]
)
def test_other_tensors_are_refused(given: torch.Tensor, photos: Path, tmp_path: Path):
    student = raykd.load_student(written(tmp_path, recipe_of(photos)))
    with pytest.raises(ValueError, match=r"images must be torch.uint8 of shape \(B, C, H, W\) with 1 or 3 channels"):
        student.predict(given)


def test_a_missing_or_torn_picture_is_named(photos: Path, tmp_path: Path):
    student = raykd.load_student(written(tmp_path, recipe_of(photos)))
    with pytest.raises(FileNotFoundError, match=r"gone\.png: no such file"):
        student.predict([tmp_path / "gone.png"])
    (tmp_path / "torn.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"torn\.png cannot be decoded"):
        student.predict([tmp_path / "torn.png"])


def test_a_network_of_ones_own_is_passed_by_its_class(tmp_path: Path):
    file = written(tmp_path, replace(tiny.recipe(), student=OwnNet(widths=(4, 6))))
    with pytest.raises(ValueError, match="unknown class"):
        raykd.load_student(file)
    assert raykd.load_student(file, types=[OwnNet]).model == OwnNet(widths=(4, 6))


def test_other_files_are_refused_in_a_line(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no student"):
        raykd.load_student(tmp_path / "gone")
    save_file({"weight": torch.zeros(1)}, tmp_path / "plain.safetensors")
    with pytest.raises(ValueError, match="has weights alone, not how they are used"):
        raykd.load_student(tmp_path / "plain.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(ValueError, match="is torn, or no file of safetensors"):
        raykd.load_student(tmp_path / "torn.safetensors")
    file = written(tmp_path, tiny.recipe())
    save_file(load_file(file), tmp_path / "newer.safetensors", {"raykd": json.dumps({"format": 99})})
    with pytest.raises(ValueError, match="has format 99, and this raykd reads 1"):
        raykd.load_student(tmp_path / "newer.safetensors")
    save_file({"weight": torch.zeros(1)}, tmp_path / "less.safetensors", {"raykd": json.dumps({"format": 1})})
    with pytest.raises(ValueError, match="does not say how to use its weights"):
        raykd.load_student(tmp_path / "less.safetensors")
