"""Settings the other way round: which one a recipe is, all of them, and which recipes give the same run."""

from dataclasses import replace
from random import Random

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

import tiny
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.space.ranges import holds
from raykd.storage.artifacts import Store
from raykd.studies.baselines import ALONE, PLAIN_KD, baselines
from raykd.studies.distributions import every_value
from raykd.studies.identity import identity
from raykd.studies.settings import setting_of, settings
from raykd.studies.shipped import shipped_studies
from raykd.studies.study import Study
from raykd.studies.study_file import load_study
from tiny import recipe

STUDY = Study(
    recipe=recipe(),
    choices={
        "terms/kd": {"on": KD(weight=0.9), "off": None},
        "terms/quest": {"off": None, "on": Quest(words=8)},
        "swap": {"off": NoSwap(), "iakd": IAKD()},
    },
    ranges={"terms/quest/words": IntDistribution(4, 16)},
)


def test_a_recipe_is_found_as_the_setting_that_it_is():
    values = STUDY.complete({"terms/quest": "on", "terms/quest/words": 5, "optimiser/lr": 0.1})
    assert setting_of(STUDY, STUDY.recipe_of(values)) == values
    assert setting_of(STUDY, recipe(epochs=7)) is None
    assert setting_of(STUDY, recipe(terms=(CrossEntropy(weight=0.1), KD(weight=0.9), Quest(words=17)))) is None


def test_the_baselines_of_a_study_are_settings_where_it_offers_them():
    alone, plain = (setting_of(STUDY, baselines(STUDY.recipe)[name]) for name in (ALONE, PLAIN_KD))
    assert alone == STUDY.complete({"terms/kd": "off", "terms/cross_entropy/weight": 1.0})
    assert plain == STUDY.complete({})
    without = Study(recipe=STUDY.recipe)
    assert setting_of(without, baselines(without.recipe)[ALONE]) is None


@pytest.mark.parametrize("name", ["digits", "compose", "which_method", "cifar100_resnet32x4_resnet8x4"])
def test_plain_kd_is_a_setting_of_a_shipped_study(name: str):
    study = load_study(shipped_studies()[name])
    values = setting_of(study, baselines(study.recipe)[PLAIN_KD])
    assert values == study.complete({})


def test_what_changes_no_run_makes_no_other_recipe(tmp_path):
    """Labels alone with a teacher that nothing asks, and a term of weight 0, are the student alone to the last bit."""
    alone = tiny.recipe().alone()
    silent = tiny.recipe(terms=(CrossEntropy(), KD(weight=0.0)))
    assert identity(silent) == identity(alone) != identity(tiny.recipe())
    one, other = (tiny.finish(each, Store(tmp_path)) for each in (alone, silent))
    assert tiny.same_weights(one.weights, other.weights)
    assert one.column("val/accuracy") == other.column("val/accuracy")


def fixed(*searched: str) -> dict[str, None]:
    """Ranges that are dropped: all of the study's but these."""
    return dict.fromkeys(STUDY.every_range().keys() - STUDY.choices.keys() - {*searched})


def test_all_settings_of_a_study_with_steps_come_once():
    study = replace(STUDY, ranges=fixed() | {"terms/quest/words": IntDistribution(4, 8, step=2)})
    found = list(settings(study, Random(0)))
    assert len(found) == 2 * 2 * (1 + 3)
    assert len({identity(study.recipe_of(values)) for values in found}) == len(found)
    assert found != list(settings(study, Random(1)))


def test_of_settings_without_steps_there_is_one_of_each_combination():
    study = replace(STUDY, ranges=fixed("optimiser/lr"))
    found = list(settings(study, Random(0)))
    assert len(found) == 2 * 2 * 2
    assert len({values["optimiser/lr"] for values in found}) == 8
    assert all(study.complete(values) == values for values in found)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (CategoricalDistribution(("a", "b")), ["a", "b"]),
        (IntDistribution(2, 10, step=4), [2, 6, 10]),
        (FloatDistribution(0.0, 0.5, step=0.25), [0.0, 0.25, 0.5]),
    ],
)
def test_every_value_of_what_has_steps(distribution, expected):
    assert sorted(every_value(distribution, Random(0))) == expected


@pytest.mark.parametrize("distribution", [FloatDistribution(1e-5, 1e-1, log=True), FloatDistribution(-1.0, 3.0)])
def test_one_value_of_what_has_none(distribution):
    stream = Random(0)
    found = [value for _ in range(400) for value in every_value(distribution, stream)]
    assert len(found) == 400 and all(holds(distribution, value) for value in found)
    middle = 1e-3 if distribution.log else 1.0
    assert 150 < sum(value < middle for value in found) < 250
