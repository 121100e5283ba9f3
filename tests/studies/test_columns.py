"""The columns of TensorBoard's table: what every trial has comes first, and every trial has it."""

from optuna.distributions import CategoricalDistribution, FloatDistribution

import tiny
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher
from raykd.space.ranges import space
from raykd.studies.baselines import baselines
from raykd.studies.columns import columns_of, every_column
from raykd.studies.study import Study

KD_RANGE = FloatDistribution(1.0, 8.0)
STUDY = Study(
    recipe=tiny.recipe(terms=(CrossEntropy(weight=0.1), KD(weight=0.9))),
    choices={
        "terms/quest": {"off": None, "on": Quest(words=16)},
        "route": {"final teacher": FinalTeacher(), "equal interval": EqualInterval(count=2)},
    },
    ranges={"route/count": None, "optimiser/lr": FloatDistribution(0.01, 0.2, log=True)},
)
COLUMNS = list(every_column(STUDY))
FIRST = COLUMNS[: COLUMNS.index("kind") + 1]


def test_choices_come_first_then_what_all_have_then_the_rest():
    assert FIRST[:2] == ["terms/quest", "route"] and "optimiser/lr" in FIRST
    rest = COLUMNS[len(FIRST) :]
    assert "route/restart" in rest and "terms/quest/temperature" in rest
    assert "terms/kd/temperature" in rest  # which the student alone lacks
    assert {*COLUMNS} == {*STUDY.every_range(), "kind"}


def test_every_trial_and_baseline_has_what_comes_first():
    for values in ({}, {"terms/quest": "on"}, {"route": "equal interval"}):
        whole = STUDY.complete(values)
        found = columns_of(STUDY, STUDY.recipe_of(whole), whole, is_baseline=False)
        assert set(FIRST) <= found.keys() <= set(COLUMNS)
        assert found["kind"] == "setting" and found["route"] == whole["route"]
    for name, recipe in baselines(STUDY.recipe).items():
        found = columns_of(STUDY, recipe, None, is_baseline=True)
        assert set(FIRST) <= found.keys(), name
        assert (found["kind"], found["route"], found["optimiser/lr"]) == ("baseline", "-", recipe.optimiser.lr)


def test_words_of_a_choice_that_was_not_taken_have_a_dash_and_numbers_nothing():
    columns, whole = every_column(STUDY), STUDY.complete({})
    off = columns_of(STUDY, STUDY.recipe, whole, is_baseline=False)
    assert columns["route/restart"] == CategoricalDistribution(["False", "True", "-"])
    assert off["route/restart"] == "-"
    assert "terms/quest/temperature" not in off
    taken = STUDY.complete({"route": "equal interval"})
    on = columns_of(STUDY, STUDY.recipe_of(taken), taken, is_baseline=False)
    assert on["route/restart"] == "False"


def test_where_all_have_little_in_common_what_the_recipe_says_fills_the_first_five():
    narrow = Study(recipe=STUDY.recipe, ranges=dict.fromkeys(space(STUDY.recipe)) | {"terms/kd/temperature": KD_RANGE})
    assert list(every_column(narrow)) == ["kind", "epochs", "batch_size", "seed", "terms/kd/temperature"]
    alone = columns_of(narrow, baselines(narrow.recipe)["student alone"], None, is_baseline=True)
    recipe = narrow.recipe
    first = {"epochs": recipe.epochs, "batch_size": recipe.batch_size, "seed": recipe.seed}
    assert alone == {"kind": "baseline"} | first
