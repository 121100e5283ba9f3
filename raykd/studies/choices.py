"""Choices of a study: named options for one component of a recipe, or for several at once.

A choice under a path offers what may stand there: `{"terms/quest": {"off": None, "on": Quest()}}`. Where options act
in different places, as methods do, the choice goes by a name of its own, and each option is a group: the components
and values that it changes, by path. What a group does not name is as in the base recipe:

    {"method": {"kd": {}, "iakd": {"terms/kd": None, "swap": IAKD()}}}
"""

from collections.abc import Mapping
from typing import Any

from raykd.errors import InvalidError, UnknownNameError, nearest
from raykd.recipe import Recipe
from raykd.space.ranges import paths, value_at

Options = Mapping[str, Any]


def check_choices(recipe: Recipe, choices: Mapping[str, Options]) -> None:
    """Refuses choices that are not of this recipe, or that reach for the same place.

    Raises:
        KeyError: a choice that is neither a path nor made of groups.
        ValueError: no option is the base recipe's own, or two choices change one path.
    """
    owners: dict[str, str] = {}
    for path, options in choices.items():
        grouped = all(isinstance(option, Mapping) for option in options.values())
        if not grouped and _part(recipe, path) is None and not path.startswith("terms/"):
            raise UnknownNameError(f"choices: no component {path!r}; {nearest(path, paths(recipe))}")
        if not any(_is_own(recipe, path, option) for option in options.values()):
            own = "an option that changes nothing, {}" if grouped else f"{_part(recipe, path)!r}"
            raise InvalidError(f"choices: {path} needs the base recipe's own component among its options, {own}")
        for place in dict.fromkeys(place for option in options.values() for place in _group(path, option)):
            if (owner := owners.setdefault(place, path)) != path:
                raise InvalidError(f"choices: {place} is in {owner} and in {path}; one choice alone may change a place")


def changes(recipe: Recipe, path: str, options: Options, name: str) -> dict[str, Any]:
    """What the option of this name changes in the base recipe, by path; None takes out a term that is there."""
    if name not in options:
        raise InvalidError(f"{path}: unknown choice {name!r}; choices: {', '.join(options)}")
    group = _group(path, options[name])
    return {place: part for place, part in group.items() if part is not None or _part(recipe, place) is not None}


def own_option(recipe: Recipe, path: str, options: Options) -> str:
    """The name of the option that is the base recipe's own."""
    return next(name for name, option in options.items() if _is_own(recipe, path, option))


def _is_own(recipe: Recipe, path: str, option: Any) -> bool:
    return all(_part(recipe, place) == part for place, part in _group(path, option).items())


def _group(path: str, option: Any) -> Mapping[str, Any]:
    return option if isinstance(option, Mapping) else {path: option}


def _part(recipe: Recipe, path: str) -> Any:
    """What stands at a path, or None."""
    try:
        return value_at(recipe, path)
    except KeyError:
        return None
