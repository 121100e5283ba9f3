"""A recipe under a fresh seed: a split of its own where the validation split is small, and the same test split."""

from dataclasses import dataclass, replace

import torch

import tiny
from raykd.data.dataset import Dataset, SeededSplit, load
from raykd.data.digits import Digits
from raykd.data.views.splits import Split
from raykd.recipe import Recipe
from raykd.studies import confirmation
from raykd.studies.confirmation import overlap, with_seed
from raykd.studies.study import Study

RECIPE = Recipe(data=Digits(), student=tiny.STUDENT)
CPU = torch.device("cpu")


def images(split: Split) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.images}


def test_each_seed_holds_out_other_images_and_the_test_split_stays():
    sets = [load(with_seed(RECIPE, number).data, CPU) for number in (1, 2)] + [load(RECIPE.data, CPU)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert images(sets[one].validation) != images(sets[other].validation)
        assert torch.equal(sets[one].test.images, sets[other].test.images)
    for each in sets:
        assert not images(each.validation) & images(each.test)
        assert (len(each.train), len(each.validation), len(each.test)) == (897, 450, 450)
    assert [with_seed(RECIPE, number).seed for number in (1, 2)] == [1, 2]


def test_what_is_held_out_counts_as_overlap_where_it_differs_from_seed_to_seed(monkeypatch):
    assert overlap(Study(recipe=RECIPE)) == 450 / 897
    assert overlap(Study(recipe=RECIPE, own_splits=False)) == 0.0
    assert with_seed(RECIPE, 3, own_split=False) == replace(RECIPE, seed=3)
    monkeypatch.setattr(confirmation, "SMALL", 450)
    assert overlap(Study(recipe=RECIPE)) == 0.0
    assert with_seed(RECIPE, 3) == replace(RECIPE, seed=3)


@dataclass(frozen=True, kw_only=True)
class _OwnSplit(tiny.TinyData, SeededSplit):
    """Has a validation split of its own, as some folders of pictures do."""

    def resplit(self, seed: int) -> "_OwnSplit":
        return self

    def load(self) -> Dataset:
        return super().load()


def test_a_set_whose_validation_split_is_given_keeps_it():
    recipe = Recipe(data=_OwnSplit(), student=tiny.STUDENT)
    assert with_seed(recipe, 1).data == recipe.data
    assert overlap(Study(recipe=recipe)) == 0.0
