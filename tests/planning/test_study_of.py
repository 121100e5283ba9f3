"""A study from what a newcomer has: a folder of pictures and a student, each choice said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import tiny
from raykd.data.image_folder import ImageFolder
from raykd.models.cnn import CNN
from raykd.models.eyes import Eyes
from raykd.planning.study_of import study_of
from raykd.storage.tensors import save_safetensors
from raykd.studies.source import to_source
from raykd.studies.study_file import load_study
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.teachers.trained import Teacher


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """40 pictures of 16 x 16 pixels in each of two class folders."""
    generator = np.random.default_rng(0)
    for name, colour in (("red", 0), ("blue", 2)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(40):
            pixels = generator.integers(0, 99, (16, 16, 3), np.uint8)
            pixels[..., colour] += 150
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    return tmp_path / "photos"


def test_a_folder_and_a_student_are_a_study(photos: Path, tmp_path: Path):
    said: list[str] = []
    study = study_of(data=str(photos), student="cnn", minutes=5, slots=2, name="mine", say=said.append)
    assert isinstance(study.recipe.data, ImageFolder) and study.recipe.data.frame.size == 16
    assert study.recipe.student == CNN()
    assert isinstance(study.recipe.teacher, Teacher)
    assert "terms/quest" in study.choices and "swap" in study.choices
    assert study.confirm >= 3 and study.recipe.epochs >= 4
    assert any(line.startswith("data: 80 pictures") for line in said)
    assert any(line.startswith("5 minutes: ") for line in said)
    study.check()
    (tmp_path / "mine.py").write_text(to_source(study, "Mine."))
    assert load_study(tmp_path / "mine.py") == study


def test_a_file_of_weights_is_the_teacher(photos: Path, tmp_path: Path):
    network = CNN(widths=(8, 16, 32)).build(2, (3, 16, 16)).network
    save_safetensors(network.state_dict(), tmp_path / "cnn.safetensors")
    teacher = str(tmp_path / "cnn.safetensors")
    said: list[str] = []
    study = study_of(data=str(photos), student="cnn", teacher=teacher, minutes=5, epochs=4, say=said.append)
    assert isinstance(study.recipe.teacher, PretrainedTeacher)
    assert study.recipe.teacher.model == CNN()
    assert study.recipe.epochs == 4
    assert "route" not in study.choices  # it has one checkpoint
    (line,) = (line for line in said if "cnn.safetensors as CNN" in line)
    assert line.endswith("; it tells nothing of its images, which are taken to be as the data's")


def test_what_a_file_tells_of_its_images_is_said(photos: Path, tmp_path: Path):
    weights = CNN().build(2, (3, 32, 32)).network.state_dict()
    told = {"mean": [0.5] * 3, "std": [0.25] * 3, "input_size": [3, 32, 32]}
    torch.save({"state_dict": weights} | told, tmp_path / "cnn.pth")
    said: list[str] = []
    study = study_of(
        data=photos, student="cnn", teacher=str(tmp_path / "cnn.pth"), minutes=5, epochs=4, say=said.append
    )
    assert isinstance(study.recipe.teacher, PretrainedTeacher)
    assert study.recipe.teacher.eyes == Eyes(mean=(0.5,) * 3, std=(0.25,) * 3, size=(32, 32))
    words = "normalised by mean (0.500, 0.500, 0.500) and deviation (0.250, 0.250, 0.250) and resized to 32 x 32"
    assert any(line.endswith(f"; it sees views {words}, as it tells") for line in said)


def test_a_teacher_of_other_classes(photos: Path, tmp_path: Path):
    torch.save(CNN().build(5, (3, 16, 16)).network.state_dict(), tmp_path / "cnn.pth")
    line = r"cnn\.pth: taken for CNN.* by its name, and .* is of 5 classes, and not of 2; .*; --teacher-network names"
    with pytest.raises(ValueError, match=line):
        study_of(data=photos, student="cnn", teacher=str(tmp_path / "cnn.pth"), minutes=5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minutes": 0}, "minutes must be above 0, got 0"),
        ({"minutes": 0.1}, r"minutes: 0\.1 are too few"),
        ({"student": "resnet8x"}, "unknown network 'resnet8x'"),
        ({"teacher": "resnet8x"}, "unknown network 'resnet8x'"),
        ({"teacher": "gone.pth"}, r"^no file of weights 'gone\.pth'"),
        ({"teacher_network": "cnn"}, "a teacher's network is said of a file of weights, got no teacher"),
        ({"data": "gone"}, "no folder and no file gone"),
        ({"data": tiny.TinyData(), "size": 8}, "size is of pictures at a path, got 8 beside a data set"),
        ({"pretrained": True}, "raykd has no weights of cnn"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(changes: dict[str, Any], message: str, photos: Path):
    with pytest.raises((ValueError, KeyError, FileNotFoundError), match=message):
        study_of(**(dict[str, Any](data=str(photos), student="cnn", minutes=5) | changes))


def test_a_batch_is_no_more_than_there_is(photos: Path):
    for picture in photos.glob("*/*.png"):
        if int(picture.stem) > 3:
            picture.unlink()
    said: list[str] = []
    study = study_of(data=str(photos), student="cnn", teacher="cnn", minutes=5, epochs=4, say=said.append)
    assert study.recipe.batch_size == study.recipe.shapes().num_images == 4
