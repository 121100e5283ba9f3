"""A study: a recipe, what may be changed in it, and how much a search may spend.

The ranges beside the recipe's defaults are the search space. A study may narrow, widen or drop them (`ranges`),
and offer whole components (`choices`): which terms are on, which route, which swap, or which of several methods; the
ranges of a component are drawn only where it is chosen. The first trials are settings written down in the study, such
as the papers', so that a search never does worse than they do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import BaseTrial

from raykd.errors import InvalidError, UnknownNameError, nearest
from raykd.recipe import Recipe
from raykd.space.ranges import describe, holds, override, paths, space, value_at
from raykd.studies.choices import changes, check_choices, own_option
from raykd.studies.distributions import both, draw, ends

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a search searches.

    Args:
        recipe: the base, and the first trial.
        ranges: by path, the range to draw from instead of the one beside the default; None drops it.
        choices: by path, named components to choose among: `{"terms/quest": {"off": None, "on": Quest()}}`.
            None takes a term out. Under a name of one's own, named groups of components by path, see `choices.py`.
            The base recipe's own component must be among them, or a group that is the base recipe.
        first: settings to try first, each as values by path; what is not given is as in the base recipe.
        name: of the study; the file's name by default.
        trials: how many settings a search tries, the first ones counted in.
        grace: epochs that every trial may train before it can be stopped; by default as many as its recipe needs to be
            judged, see `grace.py`. The first settings are never stopped.
        reduction: of every so many trials that reach a rung of the scheduler, one goes on.
        confirm: fresh seeds that the best trials and the baselines are trained with after the search; 0 for none.
        finalists: how many of the best trials, at most; see `raykd.studies.confirmation`.
        own_splits: whether each of these seeds holds out images of its own where the validation split is small. A
            teacher that the study trains is then trained for each of them, which may take long.
        candidates: recipes of one's own, by name, on the same data, that are trained with the same seeds beside them.
            Where there are some, `trials` may be 0.
        sizes: students of other sizes, by path, that a search of two goals alone offers, and first settings that name
            one: ranges as of `ranges` (`{"student/depth": IntDistribution(8, 32, step=6)}`) or networks as of `choices`
            (`{"student": {"thin": CNN(widths=(4, 8)), "wide": CNN(widths=(8, 16))}}`); see `raykd.studies.sizes`.
        pareto: a cost of the student that is to be low beside a high accuracy; see `raykd.studies.goals`.
    """

    recipe: Recipe
    ranges: Mapping[str, BaseDistribution | None] = field(default_factory=dict)
    choices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    first: tuple[Mapping[str, Any], ...] = ()
    name: str = "study"
    trials: int = 16
    grace: int | None = None
    reduction: int = 3
    confirm: int = 5
    finalists: int = 3
    own_splits: bool = True
    candidates: Mapping[str, Recipe] = field(default_factory=dict)
    sizes: Mapping[str, BaseDistribution | Mapping[str, Any]] = field(default_factory=dict)
    pareto: str | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ("trials", 0 if self.candidates else 1),
            ("grace", 1),
            ("reduction", 2),
            ("confirm", 0),
            ("finalists", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InvalidError(f"{name} must be at least {least}, got {value}")
        if other := [name for name, recipe in self.candidates.items() if recipe.data != self.recipe.data]:
            raise InvalidError(f"candidates: {other[0]} has other data than the study's recipe; all need the same")
        check_choices(self.recipe, self.choices)
        known = {path for recipe in self.every_component() for path in paths(recipe)}
        for path in self.ranges:
            if path not in known:
                raise UnknownNameError(f"ranges: no option {path!r}; {nearest(path, known)}")
        for recipe in self.every_component():
            self._space(recipe)
        for values in self.first_without_sizes():
            self.complete(values)

    def suggest(self, trial: BaseTrial) -> None:
        """Draws a setting: first the components, then the ranges of those that were chosen."""
        chosen = {path: trial.suggest_categorical(path, list(options)) for path, options in self.choices.items()}
        for path, distribution in self.ranges_of(chosen).items():
            draw(trial, path, distribution)

    def ranges_of(self, chosen: Mapping[str, str]) -> dict[str, BaseDistribution]:
        """The ranges that a setting of these components is drawn from, by path; `chosen` has an option's name each."""
        return self._space(self._place(chosen))

    def recipe_of(self, values: Mapping[str, Any]) -> Recipe:
        """The recipe of a setting.

        Raises:
            KeyError: an unknown path.
            ValueError: an unknown component, or a value that its component refuses.
        """
        chosen = {path: value for path, value in values.items() if path in self.choices}
        rest = {path: value for path, value in values.items() if path not in chosen}
        return override(self.recipe, self._components(chosen) | rest)

    def complete(self, values: Mapping[str, Any]) -> Values:
        """A whole setting from a part of one: the rest as in the base recipe or the chosen components.

        Raises:
            KeyError: a path that this setting does not have.
            ValueError: a value outside its range.
        """
        chosen = {path: values.get(path, self._default(path)) for path in self.choices}
        recipe = self._place(chosen)
        ranges = self._space(recipe)
        for path, value in values.items():
            if path in self.choices:
                continue
            if path not in ranges:
                raise UnknownNameError(f"no range {path!r} to set in this setting; {nearest(path, ranges)}")
            if not holds(ranges[path], value):
                raise InvalidError(f"{path}: {value!r} is not within the range {describe(ranges[path])}")
        return chosen | {path: values.get(path, value_at(recipe, path)) for path in ranges}

    def every_range(self) -> dict[str, BaseDistribution]:
        """All ranges of all components, and the choices themselves, by path: the columns of a table.

        Where components of one choice have different ranges at one path, it is the range that holds both.
        """
        ranges: dict[str, BaseDistribution] = {
            path: CategoricalDistribution(list(options)) for path, options in self.choices.items()
        }
        for recipe in self.every_component():
            for path, distribution in self._space(recipe).items():
                ranges[path] = both(ranges.get(path, distribution), distribution)
        return ranges

    def check(self, num_processes: int = 1) -> None:
        """Refuses a study of which some setting cannot work, before any work starts.

        Every component is tried at its defaults, and every range at both ends.

        Raises:
            ValueError, FileNotFoundError: as `Recipe.check`, with the setting that fails.
        """
        for recipe in self.every_component():
            recipe.check(num_processes)
            for path, distribution in self._space(recipe).items():
                for end in ends(distribution):
                    try:
                        override(recipe, {path: end}).check(num_processes)
                    except ValueError as error:
                        raise InvalidError(f"{error} (the range of {path} reaches {end!r})") from None
        for values in self.first_without_sizes():
            self.recipe_of(self.complete(values)).check(num_processes)
        for recipe in self.candidates.values():
            recipe.check(num_processes)

    def first_without_sizes(self) -> tuple[Mapping[str, Any], ...]:
        """The first settings of a search of one goal."""
        return tuple(values for values in self.first if not values.keys() & self.sizes.keys())

    def every_component(self) -> Iterator[Recipe]:
        """The base recipe with each option of each choice in turn."""
        yield self.recipe
        for path, options in self.choices.items():
            for name in options:
                if name != self._default(path):
                    yield self._place({path: name})

    def _place(self, chosen: Mapping[str, str]) -> Recipe:
        return override(self.recipe, self._components(chosen))

    def _components(self, chosen: Mapping[str, str]) -> dict[str, Any]:
        components: dict[str, Any] = {}
        for path, name in chosen.items():
            components |= changes(self.recipe, path, self.choices[path], name)
        return components

    def _default(self, path: str) -> str:
        return own_option(self.recipe, path, self.choices[path])

    def _space(self, recipe: Recipe) -> dict[str, BaseDistribution]:
        """The ranges of a recipe as the study wants them, each holding its default."""
        found: dict[str, BaseDistribution | None] = dict(space(recipe))
        there = set(paths(recipe))
        found |= {path: distribution for path, distribution in self.ranges.items() if path in there}
        ranges = {path: distribution for path, distribution in found.items() if distribution is not None}
        for path, distribution in ranges.items():
            if not holds(distribution, value_at(recipe, path)):
                raise InvalidError(
                    f"{path}: the range {describe(distribution)} does not hold its default {value_at(recipe, path)!r}"
                )
        return ranges
