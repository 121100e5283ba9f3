"""A single run's folder in the storage: made once, never overwritten, and gone on with by the same recipe alone."""

import dataclasses
import os
import time
from collections.abc import Iterable
from pathlib import Path

from raykd.errors import AlreadyExistsError, InvalidError, MissingError, nearest
from raykd.recipe import Recipe
from raykd.runs.trial import RECIPE
from raykd.space.ranges import paths, value_at
from raykd.space.serialise import to_text
from raykd.space.writing import at_home
from raykd.storage.atomic import write_text
from raykd.storage.layout import check_name, check_writable
from raykd.storage.links import check_all_inside
from raykd.storage.storage import Storage
from raykd.studies.recipe_file import load_recipe


def new_folder(storage: Storage, name: str | None, label: str, recipe: Recipe) -> Path:
    """A new run's folder, made, with its recipe.

    Args:
        name: of the folder; by default the label and the time.

    Raises:
        ValueError: no name for a folder.
        FileExistsError: it exists already.
        PermissionError: the storage cannot be written to.
    """
    name = name or f"{label}-{time.strftime('%Y%m%d-%H%M%S')}"
    check_name(name)
    check_writable(storage.root)
    folder = storage.root / name
    try:
        storage.make_new(folder)
    except FileExistsError:
        raise AlreadyExistsError(
            f"{storage.shown(folder)} exists already; go on with it by --resume, or choose another --name"
        ) from None
    write_text(folder / RECIPE, to_text(recipe))
    return folder


def old_folder(storage: Path, name: str | None, label: str, recipe: Recipe, types: Iterable[type] = ()) -> Path:
    """The folder of a run to go on with: the one of that name, or else the label's newest of the same recipe.

    A recipe that does not say how many threads compute is the same as one that does.

    Raises:
        FileNotFoundError: there is none.
        ValueError: its recipe is another one.
    """
    recipe = at_home(recipe)  # as the folder's own is read
    # A search's trials lie deeper; what has a recipe right here is a run.
    runs = {file.parent.name: file for file in sorted(storage.glob(f"*/{RECIPE}"), key=os.path.getmtime)}
    if name is None:
        same = [key for key, file in runs.items() if key.startswith(f"{label}-") and _holds(file, recipe, types)]
        if not same:
            raise MissingError(f"no run {label!r} of this recipe in {storage} to resume; say which by --name")
        name = same[-1]
    if name not in runs:
        raise MissingError(f"no run {name!r} in {storage} to resume; {nearest(name, runs)}")
    check_all_inside(storage, storage / name)
    there = load_recipe(runs[name], types)
    if not _same(there, recipe):
        raise InvalidError(f"{storage / name} has another recipe: {_difference(there, recipe)}")
    return storage / name


def _holds(file: Path, recipe: Recipe, types: Iterable[type]) -> bool:
    try:
        return _same(load_recipe(file, types), recipe)
    except ValueError:  # of another study, with classes of its own
        return False


def _same(there: Recipe, here: Recipe) -> bool:
    return there == (here if here.threads else dataclasses.replace(here, threads=there.threads))


def _difference(there: Recipe, here: Recipe) -> str:
    """The first thing in which two recipes differ, in words."""
    old, new = paths(there), paths(here)
    for one, other, words in ((old, new, "is there and not here"), (new, old, "is here and not there")):
        if only := [path for path in one if path not in other]:
            return f"{only[0]} {words}"
    differing = [path for path in new if value_at(there, path) != value_at(here, path)]
    value = next(path for path in differing if not any(other.startswith(f"{path}/") for other in differing))
    return f"{value} is {value_at(there, value)!r} there and {value_at(here, value)!r} here"
