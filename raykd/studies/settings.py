"""Settings of a study, the other way round: which one a recipe is, and all of them one after the other."""

import contextlib
import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

from raykd.recipe import Recipe
from raykd.space.ranges import holds, value_at
from raykd.studies.baselines import baselines
from raykd.studies.distributions import every_value
from raykd.studies.identity import identity
from raykd.studies.study import Study, Values


def setting_of(study: Study, recipe: Recipe) -> Values | None:
    """The setting that gives the same run as a recipe; None where the study offers none.

    Components are chosen in every way, and the values of their ranges read from the recipe.
    """
    wanted = identity(recipe)
    for chosen in _combinations(study):
        with contextlib.suppress(KeyError, ValueError):  # the recipe has no such place, or the components do not fit
            ranges = study.ranges_of(chosen)
            values = chosen | {path: value_at(recipe, path) for path in ranges}
            inside = all(holds(distribution, values[path]) for path, distribution in ranges.items())
            if inside and identity(study.recipe_of(values)) == wanted:
                return values
    return None


def first_settings(study: Study) -> list[Values]:
    """The settings that a search begins with: whole ones, each once, and none that a baseline trains anyway."""
    known = {identity(recipe) for recipe in baselines(study.recipe).values()}
    found = list[Values]()
    for values in study.first or ({},):
        whole = study.complete(values)
        if (key := identity(study.recipe_of(whole))) not in known:
            known.add(key)
            found.append(whole)
    return found


def settings(study: Study, stream: Random) -> Iterator[Values]:
    """Settings in random order: all of a study whose ranges have steps; else one of each combination of the others."""
    for chosen in _combinations(study, stream):
        try:
            ranges = study.ranges_of(chosen)
        except ValueError:
            continue  # components that do not fit together, such as no term at all
        values = (every_value(distribution, stream) for distribution in ranges.values())
        for drawn in itertools.product(*values):
            yield chosen | dict(zip(ranges, drawn, strict=True))


def _combinations(study: Study, stream: Random | None = None) -> Iterator[dict[str, Any]]:
    """The components that may be chosen together, by name of the option; in random order where there is a stream."""
    options = [list(offered) for offered in study.choices.values()]
    if stream is not None:
        for names in options:
            stream.shuffle(names)
    for chosen in itertools.product(*options):
        yield dict(zip(study.choices, chosen, strict=True))
