"""A study's sizes: left out without a second goal, and all of its students with one."""

import pytest
from optuna.distributions import FloatDistribution, IntDistribution

import tiny
from raykd.errors import InvalidError
from raykd.methods.kd import KD
from raykd.models.cnn import CNN
from raykd.models.mobilenet_v1 import MobileNetV1
from raykd.space.serialise import fingerprint
from raykd.studies.goals import GOALS, goal
from raykd.studies.shipped import shipped_studies
from raykd.studies.sizes import aimed, check_sizes, students
from raykd.studies.study import Study
from raykd.studies.study_file import load_study

THIN, WIDE = CNN(widths=(2, 3)), CNN(widths=(8, 12))
SIZES = {
    "student": {"own": tiny.STUDENT, "thin": THIN, "wide": WIDE},
    "student/convolutions": IntDistribution(1, 2),
}


def study(**changes) -> Study:
    return Study(**({"recipe": tiny.recipe(), "sizes": SIZES, "ranges": {"optimiser/nesterov": None}} | changes))


def test_without_a_second_goal_sizes_are_left_out():
    one = study()
    assert aimed(one, None) is one
    assert not any(path.startswith("student") for path in one.every_range())
    sized = study(first=({"student": "wide"}, {"optimiser/lr": 0.02}))
    assert aimed(sized, None).first == ({"optimiser/lr": 0.02},)
    with pytest.raises(KeyError, match=r"no range 'students'"):
        study(first=({"students": "wide"},))


def test_with_one_they_are_drawn():
    one = study()
    found = aimed(one, "parameters")
    assert {"student", "student/convolutions"} <= found.every_range().keys()
    assert found.pareto == "parameters"
    assert found.recipe is one.recipe  # by which a study's file is found again
    drawn = found.recipe_of(found.complete({"student": "thin", "student/convolutions": 2}))
    assert drawn.student == CNN(widths=(2, 3), convolutions=2)


def test_every_student_is_known_by_words():
    found = students(aimed(study(), "latency"))
    assert [words for words, _ in found.values()] == [
        *("own, convolutions 1", "own, convolutions 2", "thin, convolutions 1", "thin, convolutions 2"),
        *("wide, convolutions 1", "wide, convolutions 2"),
    ]
    assert found[fingerprint(WIDE)][1] == WIDE


def test_first_settings_are_dealt_out_to_the_students():
    lr = [{"optimiser/lr": rate} for rate in (0.01, 0.02, 0.03, 0.04)]
    found = aimed(study(first=(*lr, {"student": "wide"})), "parameters").first
    assert [values["student"] for values in found] == ["own", "thin", "wide", "own", "wide"]
    assert [values.get("optimiser/lr") for values in found] == [0.01, 0.02, 0.03, 0.04, None]


def test_a_study_whose_recipe_has_ranges_of_the_student_needs_no_sizes():
    ranges = {"student/depth": IntDistribution(8, 20, step=6), "optimiser/nesterov": None}
    from raykd.models.cifar_resnet import ResNet

    found = aimed(study(recipe=tiny.recipe(student=ResNet(depth=8)), ranges=ranges, sizes={}), "parameters")
    assert [words for words, _ in students(found).values()] == ["depth 8", "depth 14", "depth 20"]


def test_what_cannot_be_searched_is_said_in_a_line():
    with pytest.raises(InvalidError, match=r"unknown goal 'latencies' for pareto; did you mean latency"):
        aimed(study(), "latencies")
    with pytest.raises(InvalidError, match=r"pareto latency needs students of several sizes, and mine has one"):
        aimed(study(sizes={}, name="mine"), "latency")
    with pytest.raises(InvalidError, match=r"student needs the base recipe's own component"):
        aimed(study(sizes={"student": {"thin": THIN, "wide": WIDE}}), "latency")
    without_steps = study(
        recipe=tiny.recipe(student=MobileNetV1()), sizes={"student/width": FloatDistribution(0.25, 1.0)}
    )
    with pytest.raises(InvalidError, match=r"student/width is 0\.25 to 1\.0; give it a step"):
        aimed(without_steps, "latency")


def test_a_component_that_does_not_fit_one_of_the_students_is_refused_with_it():
    recipe = tiny.recipe(terms=(KD(),))
    odd = Study(recipe=recipe, sizes={"student": {"own": tiny.STUDENT, "deep": CNN(widths=(2,) * 3)}}, pareto="latency")
    check_sizes(aimed(odd, None))
    from raykd.methods.iakd import IAKD, NoSwap

    choices = {"swap": {"off": NoSwap(), "iakd": IAKD()}}
    odd = Study(recipe=recipe, sizes=odd.sizes, choices=choices)
    with pytest.raises(InvalidError, match=r"swap.*\(with the student deep\)"):
        check_sizes(aimed(odd, "latency"))


@pytest.mark.parametrize("name", ["digits", "fashion_mnist"])
def test_shipped_studies_offer_students_of_several_sizes(name: str):
    assert name in shipped_studies()
    assert len(students(aimed(load_study(name), "multiply_adds"))) == 10


def test_goals_are_told_with_their_units():
    assert [goal(one.name).told(1234.5) for one in GOALS] == [
        *("1,234 parameters", "1,234 multiply-adds", "1,234 ms", "1,234 ms")
    ]
    assert goal("latency").told(0.12345) == "0.123 ms"
