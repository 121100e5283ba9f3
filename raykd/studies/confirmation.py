"""After a search its best settings are trained again beside the baselines, with seeds that the search never saw.

The best of many single runs owes a part of its accuracy to luck: to its seed, and to the images that it was chosen on.
So the finalists and the baselines are trained anew, with the same fresh seeds each, and compared seed by seed. Where
the validation split is small, each of these seeds holds out other images too, so that all of them speak; a teacher that
is trained by the study is then trained without them as well.
"""

import dataclasses
from dataclasses import dataclass

import torch

from raykd.data.dataset import DataSpec, Resplit, load
from raykd.recipe import Recipe
from raykd.studies.baselines import baselines
from raykd.studies.study import Study

SMALL = 2_000  # images: at 90 % accuracy so many have a standard error of 0.7 points, as much as a student's seed has
_FIRST_SPLIT = 1_000  # the data's seed counts from here, away from the small numbers that people choose


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What is trained after a search.

    Args:
        seeds: fresh ones, for each of the finalists and baselines; 0 for no confirmation.
        finalists: the search's best trials, at most so many.
        candidates: what is trained beside them: the baselines, and recipes that the study has named.
    """

    seeds: int
    finalists: int
    candidates: int = 2

    @property
    def most(self) -> int:
        """Trainings, at most."""
        return self.seeds * (self.finalists + self.candidates)

    @classmethod
    def of(cls, study: Study, trials: int, seeds: int | None = None) -> "Confirmation":
        """That of a search of so many trials; the study's own number of seeds where none is given."""
        return cls(
            seeds=study.confirm if seeds is None else seeds,
            finalists=min(study.finalists, trials),
            candidates=len(baselines(study.recipe)) + len(study.candidates),
        )


def with_seed(recipe: Recipe, number: int, *, own_split: bool = True) -> Recipe:
    """A recipe under a fresh seed, and on a split of its own where the validation split is small.

    Args:
        number: of the seed, counted from 1.
        own_split: whether it may have one.
    """
    data = recipe.data
    if own_split and isinstance(data, Resplit) and _is_small(data):
        data = data.resplit(_FIRST_SPLIT + number)
    return dataclasses.replace(recipe, data=data, seed=recipe.seed + number)


def overlap(study: Study) -> float:
    """Images held out for each that is trained on, where every seed has a split of its own; else 0."""
    recipe = study.recipe
    if with_seed(recipe, 1, own_split=study.own_splits).data == recipe.data:
        return 0.0
    dataset = load(recipe.data, torch.device("cpu"))
    return len(dataset.validation) / len(dataset.train)


def _is_small(data: DataSpec) -> bool:
    return len(load(data, torch.device("cpu")).validation) < SMALL
