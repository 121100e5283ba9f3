"""Trains by a recipe and keeps the route that the training takes; goes on from the last finished epoch if cut off."""

import dataclasses
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from raykd.data.dataset import DataSpec, HadOtherContents
from raykd.distributed.world import World
from raykd.errors import FailureError
from raykd.protocols.context import BuildContext
from raykd.protocols.epoch import Epoch
from raykd.protocols.teacher import (
    RECORDS,
    TeacherRoute,
    TeacherSpec,
    checkpoint_name,
    read_records,
    write_checkpoint,
    write_records,
)
from raykd.recipe import Recipe
from raykd.space.serialise import fingerprint, stated
from raykd.storage.artifacts import NotMadeError
from raykd.storage.manifest import MANIFEST
from raykd.training.checkpoints import checkpoints, newest_checkpoint
from raykd.training.loop import distill

_MAKER_VERSION = 1
_STATE = "last.pt"


@runtime_checkable
class TrainedTeacherSpec(TeacherSpec, Protocol):
    """A teacher that raykd trains, as it stands in a recipe."""

    def training(self, data: DataSpec) -> Recipe:
        """The recipe that it is the student of."""
        ...


def trained_route(teacher: TeacherSpec, recipe: Recipe, every: int, context: BuildContext, word: str) -> TeacherRoute:
    """The route that the student of a recipe takes as it is trained.

    Args:
        teacher: what the route is named by, and belongs to.
        every: a checkpoint is kept after this many epochs, and after the last one.
        word: what the teacher is called in what is said.
    """
    dataset = context.dataset
    told = {"teacher": teacher, "data": context.data, "images": dataset.digest, "version": _MAKER_VERSION}
    key = fingerprint(told)
    partial = context.store.partial(f"route-{key}", _STATE)

    def make(folder: Path) -> None:
        if (former := _former_route(told, context)) is not None:
            shutil.copytree(former, folder, ignore=shutil.ignore_patterns(MANIFEST), dirs_exist_ok=True)
            return
        kept = partial.take_up()
        for epoch in _train(recipe, every, context, kept):
            partial.keep()
            if epoch.diverged:
                raise FailureError(f"the {word}'s training diverged in epoch {epoch.number}; lower its learning rate")
            accuracy = epoch.metrics["val/accuracy"]
            context.say(f"{word}: epoch {epoch.number} of {epoch.epochs}, validation accuracy {accuracy:.4f}")
        numbers = range(1, num_checkpoints(recipe.epochs, every) + 1)
        for name in (RECORDS, *map(checkpoint_name, numbers)):
            shutil.copyfile(kept / name, folder / name)

    folder = context.get("route", key, make)
    partial.remove()
    return TeacherRoute(teacher, folder, dataset)


def _former_route(told: dict[str, Any], context: BuildContext) -> Path | None:
    """The same route under the name that it had while the test's files were part of it, if it was made then."""
    data = context.data
    if not isinstance(data, HadOtherContents):
        return None
    key = fingerprint(told | {"data": stated(data) | dict(data.former_contents())})

    def none(folder: Path) -> None:
        raise NotMadeError("route")

    try:
        return context.store.get("route", key, none)
    except NotMadeError:
        return None


def num_checkpoints(epochs: int, every: int) -> int:
    return math.ceil(epochs / every)


def _train(recipe: Recipe, every: int, context: BuildContext, folder: Path) -> Iterator[Epoch]:
    """The epochs, each kept in `folder` before it is yielded; goes on where a cut-off training stopped."""
    saved = newest_checkpoint(folder / _STATE)
    records = {int(entry["checkpoint"]): entry for entry in _read_records(folder)} if saved else {}
    world = World.alone(context.dataset.device)
    recipe = dataclasses.replace(recipe, threads=recipe.threads or 1)
    epochs = distill(recipe, saved["state"] if saved else None, store=context.store, world=world, say=context.say)
    yield from checkpoints(_kept(epochs, every, records, folder, context.listen), folder / _STATE)


def _kept(
    epochs: Iterator[Epoch],
    every: int,
    records: dict[int, dict[str, Any]],
    folder: Path,
    listen: Callable[[Epoch], None],
) -> Iterator[Epoch]:
    for epoch in epochs:
        listen(epoch)
        if epoch.number % every == 0 or epoch.number == epoch.epochs:
            number = num_checkpoints(epoch.number, every)
            write_checkpoint(folder, number, epoch.student())
            accuracy = epoch.metrics["val/accuracy"]
            records[number] = {"checkpoint": number, "epoch": epoch.number, "accuracy": accuracy}
            write_records(folder, [records[number] for number in sorted(records)])
        yield epoch


def _read_records(folder: Path) -> list[dict[str, Any]]:
    try:
        return read_records(folder)
    except FileNotFoundError:  # cut off before the first checkpoint
        return []
