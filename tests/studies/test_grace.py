"""From which epoch on a trial is judged: after a drop, a warm-up, a route's legs and the teacher's stages."""

from dataclasses import replace

import pytest

from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.dkd import DKD
from raykd.methods.iakd import IAKD
from raykd.methods.rco import EqualInterval, Greedy
from raykd.optim import SGD, Adam, Cosine, Step
from raykd.studies.grace import first_rung, judged_from
from raykd.studies.study import Study
from tiny import recipe

STEP, COSINE = SGD(), SGD(schedule=Cosine())


@pytest.mark.parametrize(
    ("changes", "epoch"),
    [
        ({"epochs": 240, "optimiser": STEP}, 150 + 10),
        ({"epochs": 100, "optimiser": SGD(schedule=Step(milestones=(0.3, 0.6, 0.9)))}, 30 + 4),
        ({"epochs": 4, "optimiser": STEP}, 2 + 1),
        ({"epochs": 24, "optimiser": COSINE}, 12),
        ({"epochs": 24, "optimiser": Adam()}, 12),
        ({"epochs": 20, "optimiser": SGD(schedule=Cosine(warm_up=0.2))}, 4 + 8),
        ({"epochs": 20, "optimiser": COSINE, "terms": (CrossEntropy(), DKD(warm_up=0.5))}, 10 + 5),
        ({"epochs": 240, "optimiser": STEP, "terms": (CrossEntropy(), DKD(warm_up=0.75))}, 180),
        ({"epochs": 1, "optimiser": COSINE}, 1),
    ],
)
def test_a_plain_run(changes: dict, epoch: int):
    assert judged_from(recipe(**changes)) == epoch


@pytest.mark.parametrize(
    ("route", "optimiser", "epoch"),
    [
        (EqualInterval(count=1), COSINE, 12),
        (EqualInterval(count=2), COSINE, 12 + 6),
        (EqualInterval(count=4), COSINE, 18 + 3),
        (Greedy(count=2), COSINE, 12 + 6),
        (EqualInterval(count=2, restart=True), COSINE, 12 + 6),
        (EqualInterval(count=2, restart=True), SGD(schedule=Step(milestones=(0.75,))), 12 + 9 + 1),
        (EqualInterval(count=2), SGD(schedule=Step(milestones=(0.875,))), 21 + 1),
    ],
)
def test_a_route(route, optimiser: SGD, epoch: int):
    assert judged_from(recipe(epochs=24, optimiser=optimiser, route=route)) == epoch


@pytest.mark.parametrize(
    ("swap", "epoch"),
    [
        (IAKD(schedule="growth", start=0.5), 13),  # kept with 0.75 in the thirteenth of 25 epochs
        (IAKD(schedule="growth", start=0.8), 13),  # half of the epochs
        (IAKD(schedule="uniform", start=0.5, solo=0.2), 21),
        (IAKD(schedule="uniform", start=0.5, solo=0.0), 25),
        (IAKD(schedule="uniform", start=0.9), 13),
    ],
)
def test_the_teachers_stages(swap: IAKD, epoch: int):
    assert judged_from(recipe(epochs=25, optimiser=COSINE, swap=swap)) == epoch


def test_a_review_begins_anew_after_each_drop():
    """Its last phase begins at epoch 210 of 240, and reaches three quarters half-way."""
    swap = IAKD(schedule="review", start=0.5, solo=0.0)
    assert judged_from(recipe(epochs=240, optimiser=STEP, swap=swap)) == 226


def test_a_study_may_say_it_itself():
    study = Study(recipe=recipe(epochs=24, optimiser=COSINE))
    assert (study.grace, first_rung(study), first_rung(replace(study, grace=3))) == (None, 12, 3)
