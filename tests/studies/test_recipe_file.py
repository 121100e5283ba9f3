"""`raykd.load_recipe`: what a run or a search left, and one clear line for whatever else."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import raykd
from raykd.data.digits import Digits
from raykd.models.cnn import CNN
from raykd.models.staged import Shape, Staged
from raykd.space.serialise import to_text


@dataclass(frozen=True, kw_only=True)
class Mine:
    width: int = 4

    def build(self, num_classes: int, image: Shape) -> Staged:
        return CNN(widths=(self.width, 6)).build(num_classes, image)


RECIPE = raykd.Recipe(data=Digits(), student=CNN(widths=(3, 4)), epochs=5)


def write(folder: Path, text: str) -> Path:
    file = folder / "recipe.json"
    file.write_text(text)
    return file


def test_a_recipe_comes_back_as_it_was(tmp_path: Path):
    assert raykd.load_recipe(write(tmp_path, to_text(RECIPE))) == RECIPE
    assert raykd.load_recipe(str(tmp_path / "recipe.json")) == RECIPE


def test_classes_of_ones_own_are_given(tmp_path: Path):
    own = replace(RECIPE, student=Mine())
    file = write(tmp_path, to_text(own))
    assert raykd.load_recipe(file, types=[Mine]) == own
    with pytest.raises(raykd.UserError, match=r"recipe\.json: unknown class '.*Mine'; it is neither raykd's own nor"):
        raykd.load_recipe(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (to_text(CNN()), r"recipe\.json holds no recipe, as best_recipe\.json of a search does$"),
        ('{"epochs": 3}', r"recipe\.json holds no recipe"),
        ("[1]", r"recipe\.json holds no recipe"),
        ("epochs: 3", r"recipe\.json: Expecting value"),
    ],
)
def test_a_file_without_a_recipe_is_refused(text: str, said: str, tmp_path: Path):
    with pytest.raises(raykd.UserError, match=said):
        raykd.load_recipe(write(tmp_path, text))


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        raykd.load_recipe(tmp_path / "none.json")
