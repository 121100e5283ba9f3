"""Which methods suit two networks is found by their shapes."""

from dataclasses import replace

import tiny
from raykd.models.cnn import CNN
from raykd.planning.suiting import suiting
from raykd.studies.study import Study


def test_all_suit_networks_of_one_make():
    recipe = tiny.recipe(batch_size=8)
    found = suiting(recipe)
    methods = ["quest", "infoflow", "dist", "attention", "sp", "rkd", "fitnet"]
    assert list(found.choices) == [*(f"terms/{name}" for name in ("kd", *methods)), "route", "swap"]
    assert found.first[0] == {}
    assert not found.left_out
    assert {"terms/quest": "on"} in found.first


def test_what_does_not_fit_is_left_out_with_its_reason():
    """A student of two stages and a teacher of three cannot be matched stage by stage, nor swapped."""
    recipe = tiny.recipe(teacher=replace(tiny.TEACHER, model=CNN(widths=(6, 8, 8))))
    found = suiting(recipe)
    assert "swap" not in found.choices
    assert "equally many stages" in found.left_out["swap"]
    assert "an auxiliary teacher of the student's make bridges" in found.left_out["terms/infoflow"]
    assert {"swap": "iakd"} not in found.first


def test_it_makes_a_study():
    recipe = tiny.recipe()
    found = suiting(recipe)
    Study(recipe=recipe, ranges=found.ranges, choices=found.choices, first=found.first).check()


def test_ranges_reach_as_far_as_the_data_and_the_teacher():
    """24 pictures of 4x4 vectors are 384, and 8192 halved until it fits is 256; the teacher has 4 checkpoints."""
    ranges = suiting(tiny.recipe()).ranges
    assert getattr(ranges["terms/quest/words"], "high", None) == 256
    assert getattr(ranges["route/count"], "high", None) == 4
