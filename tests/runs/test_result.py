"""What a search leaves on the disk comes back as a recipe and a student."""

import dataclasses
import json
from pathlib import Path
from typing import ClassVar

import pandas
import pytest
import torch

from raykd.data.digits import Digits
from raykd.methods.cross_entropy import CrossEntropy
from raykd.models.cnn import CNN
from raykd.recipe import Recipe
from raykd.runs.result import SUMMARY, Best, Result
from raykd.runs.student_file import STUDENT, save_student
from raykd.space.serialise import to_text
from raykd.storage.atomic import write_text

RECIPE = Recipe(data=Digits(), student=CNN(widths=(3, 4)), epochs=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnTerm(CrossEntropy):
    name: ClassVar[str] = "own"


def folder_of(path: Path, recipe: Recipe = RECIPE) -> Path:
    """A search's folder with one finished trial, and the network whose weights it saved."""
    summary = {"best": "trial-0000", "metrics": {"val/accuracy": 0.9}, "test_accuracy": 0.8, "teacher": None}
    write_text(path / SUMMARY, json.dumps(summary))
    (path / "trials").mkdir()
    write_text(path / "trials" / "trial-0000" / "recipe.json", to_text(recipe))
    return path


def test_the_best_trial(tmp_path: Path):
    result = Result(folder_of(tmp_path), pandas.DataFrame())
    assert result.best == Best("trial-0000", RECIPE, {"val/accuracy": 0.9}, 0.8)
    assert not result.interrupted


def test_the_student_is_the_one_that_was_saved(tmp_path: Path):
    network = CNN(widths=(3, 4)).build(10, (1, 8, 8))
    for buffer in network.buffers():
        buffer.fill_(2)  # running statistics too, which a network in training mode would not use
    known = {"accuracy": {"validation": 0.9, "test": 0.8}}
    save_student(folder_of(tmp_path) / STUDENT, network.network.state_dict(), RECIPE, known)
    student = Result(tmp_path, pandas.DataFrame()).load_student()
    assert not student.training
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(student(images), network.eval().network(images))


def test_no_trial_has_finished(tmp_path: Path):
    write_text(tmp_path / SUMMARY, json.dumps({"best": None, "metrics": {}, "test_accuracy": None, "teacher": None}))
    result = Result(tmp_path, pandas.DataFrame(), interrupted=True)
    with pytest.raises(ValueError, match=r"no trial of .* has finished"):
        _ = result.best
    with pytest.raises(FileNotFoundError, match="no student"):
        result.load_student()


def test_a_recipe_with_a_class_of_the_studys_own(tmp_path: Path):
    recipe = dataclasses.replace(RECIPE, terms=(OwnTerm(weight=0.5),))
    folder_of(tmp_path, recipe)
    with pytest.raises(ValueError, match="unknown class"):
        _ = Result(tmp_path, pandas.DataFrame()).best
    assert Result(tmp_path, pandas.DataFrame(), types=(OwnTerm,)).best.recipe == recipe
