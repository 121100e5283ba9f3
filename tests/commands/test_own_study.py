"""`raykd tune --data`: what does not go together is said in a line, and the study is a file of its own."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from raykd.__main__ import main
from raykd.commands.dry_run import _confirmation
from raykd.commands.own_study import own_study
from raykd.commands.parsers import make_parser, tune
from raykd.data.image_folder import ImageFolder
from raykd.models.cnn import CNN
from raykd.planning.study_of import study_of
from raykd.studies.confirmation import Confirmation
from raykd.studies.study_file import load_study


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """30 pictures of 16 x 16 pixels in each of two class folders, in the working folder."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name in ("a b", "ü"):
        (tmp_path / "my photos" / name).mkdir(parents=True)
        for index in range(30):
            pixels = generator.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "my photos" / name / f"{index}.png")
    return tmp_path / "my photos"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--student", "cnn"], "--student says something of your own pictures; give --data, or a study's file"),
        (["--minutes", "5"], "--minutes says something of your own pictures; give --data, or a study's file"),
        (["--data", "x"], "--data needs a --student, such as timm/mobilenetv3_small_100 or resnet8x4"),
        (["--data", "x", "--student", "cnn", "--study", "digits"], "--data and --study digits are two studies; leave"),
        (["--data", "x", "--student", "cnn", "--resume"], "--data begins a new search; to go on with one, leave it"),
        (["--data", "x", "--student", "cnn", "--save-study", "a.txt"], "--save-study must be a file of Python, such"),
        (["--data", "gone", "--student", "cnn"], "no folder and no file gone"),
        (["--data", "my photos", "--student", "resnet8x"], "unknown network 'resnet8x'; did you mean"),
        (["--data", "my photos", "--student", "cnn", "--minutes", "-1"], "minutes must be above 0, got -1"),
        (["--data", "my photos", "--student", "cnn", "--save-study", "there.py"], "there.py exists already; choose"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    words: list[str], line: str, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Path("there.py").write_text("mine\n")
    monkeypatch.setattr(sys, "argv", ["raykd", "tune", *words])
    assert main() == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {line}") and error.count("\n") == 1
    assert Path("there.py").read_text() == "mine\n"
    assert not Path("runs").exists()


def test_the_study_is_written_and_read(photos: Path, monkeypatch: pytest.MonkeyPatch):
    words = ["--data", "my photos", "--student", "cnn", "--minutes", "5", "--slots", "1"]
    monkeypatch.setattr(sys, "argv", ["raykd", "tune", *words])
    said: list[str] = []
    study = own_study(make_parser(tune).parse_args(words), said.append)
    (file,) = Path("runs/studies").glob("my-photos-*.py")
    assert load_study(file) == study
    assert isinstance(study.recipe.data, ImageFolder)
    assert Path(study.recipe.data.root) == photos
    assert file.read_text().startswith('"""Written by: ')
    assert any(str(file) in line for line in said)


@pytest.mark.parametrize("is_trained", [True, False])
def test_only_a_teacher_that_is_trained_is_trained_anew(is_trained: bool, photos: Path):
    torch.save(CNN().build(2, (3, 16, 16)).network.state_dict(), "cnn.pth")
    study = study_of(data=photos, student="cnn", teacher="cnn" if is_trained else "cnn.pth", minutes=5, epochs=4)
    study = dataclasses.replace(study, own_splits=True)
    whose = "a split and a teacher" if is_trained else "a split"
    assert f", each with {whose} of its own" in _confirmation(Confirmation.of(study, 6), study)
