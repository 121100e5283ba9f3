"""Choices made of groups: one option changes several places of the recipe at once."""

from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution

from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.fitnet import FitNet
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.kd import KD
from raykd.methods.rco import EqualInterval
from raykd.space.ranges import space
from raykd.studies.study import Study
from tiny import recipe

BASE = recipe(terms=(CrossEntropy(weight=0.1), KD()))
METHODS = {
    "kd": {},
    "fitnet": {"terms/cross_entropy": CrossEntropy(), "terms/kd": None, "terms/fitnet": FitNet()},
    "iakd": {"terms/kd": None, "terms/fitnet": None, "swap": IAKD(), "terms/cross_entropy/weight": 0.5},
    "rco": {"route": EqualInterval(count=2)},
}
STUDY = Study(recipe=BASE, choices={"method": METHODS})


def test_an_option_changes_what_it_names_and_leaves_the_rest():
    assert STUDY.recipe_of({"method": "kd"}) == BASE == STUDY.recipe_of({})
    assert STUDY.recipe_of({"method": "fitnet"}) == replace(BASE, terms=(CrossEntropy(), FitNet()))
    assert STUDY.recipe_of({"method": "iakd"}) == replace(BASE, terms=(CrossEntropy(weight=0.5),), swap=IAKD())
    assert STUDY.recipe_of({"method": "rco"}) == replace(BASE, route=EqualInterval(count=2))


def test_the_default_is_the_option_that_is_the_base_recipe():
    assert STUDY.complete({})["method"] == "kd"
    other = Study(
        recipe=STUDY.recipe_of({"method": "iakd"}), choices={"method": {"own": {}, "plain": {"swap": NoSwap()}}}
    )
    assert other.complete({})["method"] == "own"
    named = {"kd": {"terms/kd": KD()}, "none": {"terms/kd": None}}
    assert Study(recipe=BASE, choices={"method": named}).complete({})["method"] == "kd"


def test_values_reach_into_what_an_option_brings():
    values = STUDY.complete({"method": "fitnet", "terms/fitnet/weight": 10.0})
    assert values["terms/fitnet/weight"] == 10.0 and "terms/kd/weight" not in values
    assert STUDY.recipe_of(values).terms == (CrossEntropy(), FitNet(weight=10.0))
    with pytest.raises(KeyError, match="no range 'terms/kd/weight' to set in this setting"):
        STUDY.complete({"method": "fitnet", "terms/kd/weight": 1.0})


def test_only_the_ranges_of_the_chosen_option_are_drawn():
    search = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    own = {"kd": {f"terms/kd/{name}" for name in space(KD())}, "fitnet": {"terms/fitnet/weight"}}
    own |= {"iakd": {"swap/schedule", "swap/start", "swap/solo"}, "rco": own["kd"] | {"route/count", "route/restart"}}
    common = {"method", "terms/cross_entropy/weight", *(f"optimiser/{name}" for name in space(BASE.optimiser))}
    seen = set()
    for _ in range(24):
        trial = search.ask()
        STUDY.suggest(trial)
        seen.add(trial.params["method"])
        assert trial.params.keys() == common | own[trial.params["method"]]
    assert seen == own.keys()


def test_a_table_has_a_column_of_the_choice():
    assert STUDY.every_range()["method"] == CategoricalDistribution(list(METHODS))


def test_groups_stand_beside_choices_of_a_path():
    both = Study(
        recipe=BASE, choices={"method": {"kd": {}, "rco": METHODS["rco"]}, "swap": {"off": NoSwap(), "on": IAKD()}}
    )
    assert both.recipe_of({"method": "rco", "swap": "on"}) == replace(BASE, route=EqualInterval(count=2), swap=IAKD())


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"method": {"iakd": {"swap": IAKD()}}}, ValueError, "choices: method needs .* an option that changes nothing"),
        ({"method": {"kd": {}, "iakd": IAKD()}}, KeyError, "choices: no component 'method'"),
        ({"method": {"kd": {}, "iakd": {"swop": IAKD()}}}, KeyError, "no option 'swop'; did you mean swap"),
        (
            {"method": METHODS, "swap": {"off": NoSwap(), "on": IAKD()}},
            ValueError,
            "choices: swap is in method and in swap; one choice alone may change a place",
        ),
    ],
)
def test_a_study_refuses(choices: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        Study(recipe=BASE, choices=choices)


def test_an_unknown_option_names_the_others():
    with pytest.raises(ValueError, match="method: unknown choice 'fitnets'; choices: kd, fitnet, iakd, rco"):
        STUDY.recipe_of({"method": "fitnets"})
