"""A recipe in a file, as every run and every search keeps its own."""

import logging
from collections.abc import Iterable
from pathlib import Path

from raykd.errors import InvalidError
from raykd.recipe import Recipe
from raykd.space.ranges import paths, value_at
from raykd.space.serialise import from_file
from raykd.space.writing import at_home

_LOG = logging.getLogger(__name__)
_said = set[tuple[str, str | bool]]()  # in this process, which may read the recipes of a thousand trials


def load_recipe(path: str | Path, types: Iterable[type] = ()) -> Recipe:
    """The recipe in a `recipe.json` of a run or a trial, or in the `best_recipe.json` of a search.

    Folders that it would write to are not taken from the file, but raykd's own; a warning says which.

    Args:
        types: classes of one's own that it may name, such as a method; no other code is ever looked up or run.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it holds no recipe, or names a class that is neither raykd's nor among `types`.
    """
    recipe = from_file(path, types)
    if not isinstance(recipe, Recipe):
        raise InvalidError(f"{path} holds no recipe, as best_recipe.json of a search does")
    taken = at_home(recipe)
    for place in paths(recipe) if taken != recipe else ():
        old, new = value_at(recipe, place), value_at(taken, place)
        if old != new and isinstance(old, str | bool) and (place, old) not in _said:
            _said.add((place, old))
            _LOG.warning(
                "%s: %s=%s would write to a folder that the file chose; %s is taken, and --set %s=... chooses another",
                *(path, place, old, new, place),
            )
    return taken
