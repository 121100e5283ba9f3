"""`launch/distill.py`: one recipe, trained in this process; and how a recipe is put together from what was typed."""

import argparse
import contextlib
import dataclasses
import json
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from safetensors.torch import load_file, save_file

import raykd
from raykd.artifacts import Store, write, write_text
from raykd.commands import INTERRUPTED, again
from raykd.data import load
from raykd.evaluate import accuracy
from raykd.line import Line, clock
from raykd.recipe import Recipe
from raykd.result import STUDENT, SUMMARY
from raykd.run_folder import new_folder, old_folder
from raykd.search import nearest, paths, space, value_at
from raykd.serialise import decode, from_file
from raykd.storage import ARTIFACTS
from raykd.study import Study, study_module
from raykd.teacher import train_teacher
from raykd.train import Epoch, prepare
from raykd.trial import run_trial, saved_epoch
from raykd.world import World

_STUDENT_IN_STATE = "student.network."


def run_distill(options: argparse.Namespace, root: Path) -> int:
    """Trains a student by one recipe, and says what it gives; 130 where Ctrl-C stopped it."""
    world = World.current(options.device)
    asked = ask(options, root)
    asked.recipe.check()
    storage = Path(options.storage).expanduser().absolute()
    if options.resume:
        folder = old_folder(storage, options.name, asked.label, asked.recipe, asked.types)
    else:
        folder = new_folder(storage, options.name, asked.label, asked.recipe)
    line = Line(Console(highlight=False, soft_wrap=True))
    try:
        if not (folder / SUMMARY).exists():
            line.say(f"training on {world.device}; everything goes to {folder}")
            _train(asked, folder, Store(storage / ARTIFACTS), world, line)
    except KeyboardInterrupt:
        saved = saved_epoch(folder)
        finished = saved["number"] if saved else 0
        go_on = again("--name", folder.name) if options.name is None else again()
        resume = "" if options.resume else " --resume"
        line.say(f"stopped after {finished} of {asked.recipe.epochs} epochs; go on with: {go_on}{resume}")
        return INTERRUPTED
    _show(folder, line)
    return 0


@dataclass(frozen=True, kw_only=True)
class Asked:
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


def ask(options: argparse.Namespace, root: Path) -> Asked:
    """The recipe that was asked for.

    Raises:
        ValueError, KeyError, FileNotFoundError: one line on what is wrong.
    """
    study, types = None, ()
    if options.study is not None or options.recipe is None:
        study = raykd.load_study(options.study or root / "search_spaces" / "digits.py")
        module = study_module(study)
        types = tuple(found for found in vars(module or argparse).values() if _is_component(found))
    if options.recipe is not None:  # with a study beside it, for its classes
        recipe = from_file(options.recipe, types)
        if not isinstance(recipe, Recipe):
            raise ValueError(f"{options.recipe} holds no recipe; best_recipe.json of a search is one")
        study, label = Study(recipe=recipe), Path(options.recipe).stem
    else:
        assert study is not None
        label = study.name
    texts = _split(options.set or ())
    values = {path: text if path in study.choices else _parsed(text) for path, text in texts.items()}
    recipe = _set(study, values | ({} if options.seed is None else {"seed": options.seed}))
    shown = {path: value_at(recipe, path) for path in space(recipe)}
    by_hand = {path: value if _is_plain(value) else texts[path] for path, value in values.items()}
    return Asked(recipe=recipe, label=label, values=shown | by_hand, types=types)


def _split(settings: Sequence[str]) -> dict[str, str]:
    for setting in settings:
        if not setting.partition("=")[0] or "=" not in setting:
            raise ValueError(f"--set: needs PATH=VALUE such as terms/kd/temperature=2, got {setting!r}")
    pairs = [setting.split("=", 1) for setting in settings]
    twice = [path for index, (path, _) in enumerate(pairs) if path in dict(pairs[:index])]
    if twice:
        raise ValueError(f"--set: {twice[0]} is set twice")
    return {path: text for path, text in pairs}


def _parsed(text: str) -> Any:
    """A value as typed: JSON, with components as in a recipe's file, or else the text itself."""
    try:
        data = json.loads(text)
    except ValueError:
        return text
    return decode(data)


def _set(study: Study, values: dict[str, Any]) -> Recipe:
    try:
        return study.recipe_of(values)
    except KeyError:
        known = dict.fromkeys([*study.choices, *(path for recipe in study.every_component() for path in paths(recipe))])
        for path in values:
            if path not in known:
                raise KeyError(f"--set: no option {path!r}; {nearest(path, known)}") from None
            if owner := next((choice for choice in study.choices if path.startswith(f"{choice}/")), None):
                names = ", ".join(study.choices[owner])
                raise KeyError(f"--set: {path} needs another {owner} than is chosen; choices: {names}") from None
        raise


def _train(asked: Asked, folder: Path, store: Store, world: World, line: Line) -> None:
    """Trains what is still to be trained, then saves the student and reads the test split, once."""
    recipe = asked.recipe
    with line:
        line.status("preparing what the recipe needs of its teacher")
        prepare(recipe, store, world, line.status)
        board = folder / "tensorboard" / folder.name
        with contextlib.closing(run_trial(recipe, folder, board, store, asked.values, world)) as epochs:
            _follow(epochs, line)
    saved = saved_epoch(folder)
    assert saved is not None
    state = saved["state"]["distiller"]
    weights = {
        name.removeprefix(_STUDENT_IN_STATE): value.contiguous()
        for name, value in state.items()
        if name.startswith(_STUDENT_IN_STATE)
    }
    write(folder / STUDENT, lambda path: save_file(weights, path))
    dataset = load(recipe.data, world.device)
    student = recipe.student.build(dataset.num_classes, dataset.image_shape)
    student.network.load_state_dict(load_file(folder / STUDENT))
    summary = {
        "epochs": saved["number"],
        "metrics": saved["metrics"],
        "test_accuracy": accuracy(student.to(world.device), dataset, dataset.test),
        "teacher": _teacher_accuracy(recipe, store, world.device),
    }
    write_text(folder / SUMMARY, json.dumps(summary, indent=2) + "\n")


def _follow(epochs: Iterator[Epoch], line: Line) -> None:
    begun, trained = time.monotonic(), 0
    for epoch in epochs:
        if epoch.diverged:
            raise RuntimeError(
                f"diverged in epoch {epoch.number}: the loss is no finite number; try a lower --set optimiser/lr=..."
            )
        trained += 1
        left = (time.monotonic() - begun) / trained * (epoch.epochs - epoch.number)
        line.status(
            f"epoch {epoch.number} of {epoch.epochs}, loss {epoch.metrics['train/loss']:.4f}, "
            f"validation accuracy {epoch.metrics['val/accuracy']:.4f}, about {clock(left)} left"
        )


def _teacher_accuracy(recipe: Recipe, store: Store, device: torch.device) -> float | None:
    """Of the final teacher, on the validation split."""
    if recipe.teacher is None:
        return None
    return train_teacher(recipe.teacher, recipe.data, store, device=device).records[-1]["accuracy"]


def _show(folder: Path, line: Line) -> None:
    summary = json.loads((folder / SUMMARY).read_text())
    teacher = "" if summary["teacher"] is None else f" (teacher: {summary['teacher']:.4f})"
    line.say(f"validation accuracy {summary['metrics']['val/accuracy']:.4f}{teacher} after {summary['epochs']} epochs")
    line.say(f"test accuracy {summary['test_accuracy']:.4f}")
    line.say(f"student: {folder / STUDENT}")
    line.say(f"see it in TensorBoard: tensorboard --logdir {shlex.quote(str(folder / 'tensorboard'))}")


def _is_component(found: Any) -> bool:
    return isinstance(found, type) and dataclasses.is_dataclass(found)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
