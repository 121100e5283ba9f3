"""What stands of a trial in TensorBoard's HParams tab, so that its parallel coordinates show every trial.

The tab draws a trial only if each of the columns that are ticked has a value of it, and ticks the first five. So what
every trial has comes first: the choices, the ranges that all settings and both baselines have, and what kind of trial
it is; where these are fewer than five, what the recipe says of epochs, batch and seed. Of what belongs to a choice,
words have one more, for trials that did not take it. Numbers have none: a trial that lacks one is drawn as long as
nobody ticks that column.
"""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from raykd.recipe import Recipe
from raykd.reporting.hparams import SHOWN
from raykd.space.ranges import value_at
from raykd.studies.baselines import baselines
from raykd.studies.study import Study

KIND, SETTING, BASELINE = "kind", "setting", "baseline"
_OF_ALL = ("epochs", "batch_size", "seed")
NONE = "-"  # of a choice that has not been taken, or that a baseline does not know


def every_column(study: Study) -> dict[str, BaseDistribution]:
    """The columns, those that matter first."""
    ranges, choices = study.every_range(), study.choices
    always = [path for path in _common(study) if path not in choices]
    rest = [path for path in ranges if path not in choices and path not in always]
    columns: dict[str, BaseDistribution] = {path: CategoricalDistribution([*choices[path], NONE]) for path in choices}
    columns |= {path: ranges[path] for path in always}
    columns[KIND] = CategoricalDistribution([SETTING, BASELINE])
    columns |= {path: IntDistribution(value, value) for path, value in _filling(study, study.recipe).items()}
    return columns | {path: _with_none(ranges[path]) for path in rest}


def columns_of(study: Study, recipe: Recipe, values: Mapping[str, Any] | None, *, is_baseline: bool) -> dict[str, Any]:
    """A trial's values, by column.

    Args:
        recipe: that it trains.
        values: its setting; None for a baseline, or a recipe of one's own, that is no setting of the study.
    """
    known, ranges, common = values or {}, study.every_range(), _common(study)
    found: dict[str, Any] = {path: known.get(path, NONE) for path in study.choices}
    found |= {KIND: BASELINE if is_baseline else SETTING, **_filling(study, recipe)}
    for path in ranges.keys() - study.choices.keys():
        if path in common:
            found[path] = known[path] if path in known else value_at(recipe, path)
        elif isinstance(ranges[path], CategoricalDistribution):
            found[path] = str(known.get(path, NONE))
        elif path in known:
            found[path] = known[path]
    return found


def _filling(study: Study, recipe: Recipe) -> dict[str, int]:
    there = {*study.choices, *_common(study), KIND}
    free = [path for path in _OF_ALL if path not in there]
    return {path: value_at(recipe, path) for path in free[: max(0, SHOWN - len(there))]}


def _common(study: Study) -> list[str]:
    """The paths of the ranges that each setting has, and that each baseline has a value at."""
    settings = [study.ranges_of({path: name}) for path, options in study.choices.items() for name in options]
    of_all = [path for path in study.ranges_of({}) if all(path in ranges for ranges in settings)]
    others = [*baselines(study.recipe).values(), *study.candidates.values()]
    return [path for path in of_all if all(_has(recipe, path) for recipe in others)]


def _has(recipe: Recipe, path: str) -> bool:
    try:
        value_at(recipe, path)
    except KeyError:
        return False
    return True


def _with_none(distribution: BaseDistribution) -> BaseDistribution:
    if isinstance(distribution, CategoricalDistribution):
        return CategoricalDistribution([*map(str, distribution.choices), NONE])
    return distribution
