"""The recipe that a person asks for on the command line: a study's base or a file, and what `--set` changes in it."""

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from raykd.errors import FailureError, InvalidError, UnknownNameError, nearest
from raykd.protocols.epoch import Epoch
from raykd.recipe import Recipe
from raykd.space.ranges import override, paths, space, value_at
from raykd.space.serialise import decode
from raykd.studies.recipe_file import load_recipe
from raykd.studies.shipped import DEFAULT_STUDY
from raykd.studies.study_file import load_study, own_types


@dataclass(frozen=True, kw_only=True)
class RequestedRecipe:
    """What was asked for.

    Args:
        recipe: to train.
        label: of the study or file that it comes from.
        values: its searched values and those set by hand, by path, for TensorBoard.
        types: the study's own classes.
    """

    recipe: Recipe
    label: str
    values: dict[str, Any]
    types: tuple[type, ...]

    def on(self, device: torch.device, threads: int | None = None) -> "RequestedRecipe":
        """The same, the recipe saying how many threads of a CPU compute: as it does, or so many, or PyTorch's number.

        One run on a machine may have all of its CPUs. What it computes depends on their number, so it is written down,
        and whoever starts the recipe of the run's folder computes the same.
        """
        if device.type != "cpu":
            return self
        threads = self.recipe.threads or threads or torch.get_num_threads()
        return dataclasses.replace(self, recipe=dataclasses.replace(self.recipe, threads=threads))


def refuse_divergence(epoch: Epoch) -> None:
    """Ends a command whose run has diverged.

    Raises:
        RuntimeError: it has, and what to try.
    """
    if epoch.diverged:
        raise FailureError(
            f"diverged in epoch {epoch.number}: loss or class scores are no finite numbers; "
            "try a lower --set optimiser/lr=..."
        )


def requested_recipe(options: argparse.Namespace) -> RequestedRecipe:
    """The recipe that was asked for by `--study`, `--recipe`, `--set` and `--seed`.

    Raises:
        ValueError, KeyError, FileNotFoundError: one line on what is wrong.
    """
    texts = _split(options.set or ())
    seed = {} if options.seed is None else {"seed": options.seed}
    if options.recipe is None:
        study = load_study(options.study or DEFAULT_STUDY)
        types, label = own_types(study), study.name
        values = {path: text if path in study.choices else _parsed(text, types) for path, text in texts.items()} | seed
        recipe = _set(study.recipe_of, values, list(study.every_component()), study.choices)
    else:  # a study beside it gives the classes that the file names
        types, label = own_types(load_study(options.study)) if options.study else (), Path(options.recipe).stem
        values = {path: _parsed(text, types) for path, text in texts.items()} | seed
        base = load_recipe(options.recipe, types)
        recipe = _set(lambda values: override(base, values), values, [base], {})
    shown = {path: value_at(recipe, path) for path in space(recipe)}
    by_hand = {path: value if _is_plain(value) else texts[path] for path, value in values.items()}
    return RequestedRecipe(recipe=recipe, label=label, values=shown | by_hand, types=types)


def _split(settings: Sequence[str]) -> dict[str, str]:
    """The texts of `--set`, by path."""
    texts: dict[str, str] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not (path and equals):
            raise InvalidError(f"--set: needs PATH=VALUE such as terms/kd/temperature=2, got {setting!r}")
        if path in texts:
            raise InvalidError(f"--set: {path} is set twice")
        texts[path] = text
    return texts


def _parsed(text: str, types: Iterable[type]) -> Any:
    """A value as typed: JSON, with components as in a recipe's file, or else the text itself."""
    try:
        data = json.loads(text)
    except ValueError:
        return text
    return decode(data, types)


def _set(
    make: Callable[[dict[str, Any]], Recipe],
    values: dict[str, Any],
    recipes: Sequence[Recipe],
    choices: Mapping[str, Mapping[str, Any]],
) -> Recipe:
    """`make(values)`, for paths that one of `recipes` or the choices have, or that the values themselves bring."""
    known = dict.fromkeys([*choices, *(path for recipe in recipes for path in paths(recipe))])
    brought = tuple(path for path, value in values.items() if dataclasses.is_dataclass(value))
    for path in values:
        if path not in known and not path.startswith(brought):
            raise UnknownNameError(f"--set: no option {path!r}; {nearest(path, known)}")
    try:
        return make(values)
    except KeyError:
        for path in values:
            if owner := next((choice for choice in choices if path.startswith(f"{choice}/")), None):
                names = ", ".join(choices[owner])
                raise UnknownNameError(
                    f"--set: {path} goes with another {owner} than is chosen; choices: {names}"
                ) from None
        raise


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
