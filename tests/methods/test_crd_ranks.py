"""Two real processes share CRD's banks; regressors with batch normalisation see a process's own share."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ranks import train_on_two_ranks
from raykd.methods.crd import CRD
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.ofd import OFD
from raykd.methods.review_kd import ReviewKD
from raykd.models.cnn import CNN
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.teachers.trained import Teacher
from tiny import finish, recipe, same_weights


def spec(*terms: Any) -> Recipe:
    """Networks that do not look across a batch."""
    student = CNN(widths=(4, 8), norm="group")
    teacher = Teacher(model=replace(student, convolutions=2), epochs=1, every=1, batch_size=8)
    return recipe(student=student, teacher=teacher, terms=(CrossEntropy(), *terms))


def test_crd_on_two_ranks_learns_what_one_process_does(tmp_path: Path):
    recipe = spec(CRD(negatives=5, dimensions=8))
    ranks = train_on_two_ranks(recipe, tmp_path / "run")
    alone = finish(recipe, Store(tmp_path / "run" / "artifacts"))
    assert ranks[0].metrics == ranks[1].metrics and same_weights(ranks[0].weights, ranks[1].weights)
    assert ranks[0].column("train/crd") == pytest.approx(alone.column("train/crd"), rel=1e-4)
    assert all((value - ranks[0].weights[name]).abs().max() < 1e-4 for name, value in alone.weights.items())


def test_ofd_and_review_kd_on_two_ranks_train_one_student(tmp_path: Path):
    ranks = train_on_two_ranks(spec(OFD(), ReviewKD()), tmp_path / "run")
    assert ranks[0].metrics == ranks[1].metrics and same_weights(ranks[0].weights, ranks[1].weights)
