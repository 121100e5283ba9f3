"""A recipe in a file, as every run and every search keeps its own."""

from collections.abc import Iterable
from pathlib import Path

from raykd.errors import InvalidError
from raykd.recipe import Recipe
from raykd.space.serialise import from_file


def load_recipe(path: str | Path, types: Iterable[type] = ()) -> Recipe:
    """The recipe in a `recipe.json` of a run or a trial, or in the `best_recipe.json` of a search.

    Args:
        types: classes of one's own that it may name, such as a method; no other code is ever looked up or run.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it holds no recipe, or names a class that is neither raykd's nor among `types`.
    """
    recipe = from_file(path, types)
    if not isinstance(recipe, Recipe):
        raise InvalidError(f"{path} holds no recipe, as best_recipe.json of a search does")
    return recipe
