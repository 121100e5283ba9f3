"""How long a recipe takes, measured before the storage has what it needs of its teacher; nothing is kept.

An epoch takes as long whatever the weights are. So a teacher that the storage lacks is stood in for by its network with
initial weights, and an epoch of its own training tells how long that will take. What one pass over the images gives,
such as a codebook, is made from the stand-in, in a folder that is gone afterwards. What takes a training of its own, as
an auxiliary teacher or a first stage does, is not made: a recipe that needs it cannot be rehearsed before it is there.
"""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from raykd.data.dataset import Dataset, DataSpec, load
from raykd.distributed.world import World
from raykd.protocols.context import BuildContext
from raykd.protocols.fit import Fit, fit_of
from raykd.protocols.model import ModelSpec
from raykd.protocols.span import Span, no_span
from raykd.protocols.teacher import (
    TeacherRoute,
    TeacherSpec,
    checkpoint_name,
    write_checkpoint,
    write_records,
)
from raykd.recipe import Recipe, build_network
from raykd.reporting.recorder import Recorder
from raykd.space.serialise import fingerprint
from raykd.storage.artifacts import NotMadeError, Store
from raykd.teachers.route_training import TrainedTeacherSpec
from raykd.training.loop import distill
from raykd.training.run import Run

_MADE = ("route", "features", "codebook", "moments")
_SHORT_S = 10.0  # a first epoch this short says more of the warming up than of an epoch


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """How long a recipe takes.

    Args:
        epoch_seconds: of an epoch; None where `missing` has to be made first.
        teacher_seconds: of the training of the teachers that the storage lacks.
        missing: the kind of artefact without which there is no epoch.
        teacher_outputs: whether what the teacher says would be kept, and how much that is; nothing where it is live.
        teacher_share: of an epoch, 0 to 1, in which the teacher is asked: what an epoch saves whose views are all kept.
    """

    epoch_seconds: float | None = None
    teacher_seconds: float = 0.0
    missing: str | None = None
    teacher_outputs: str = ""
    teacher_share: float = 0.0


def rehearse(recipe: Recipe, store: Store, world: World, say: Callable[[str], None] = lambda line: None) -> Rehearsal:
    """Trains an epoch of a recipe, and one of each teacher that is not there yet.

    Args:
        store: that makes nothing.
        say: told in one line what is measured.
    """
    try:
        say("measuring an epoch")
        return _measured(recipe, store, world)
    except NotMadeError:
        pass
    with scratch(store.room) as made:
        try:
            measured = _measured(untaught(recipe), made, world)
            teacher = _training(recipe.teacher, recipe.data, store, made, world, say)
            return dataclasses.replace(measured, teacher_seconds=teacher)
        except NotMadeError as error:
            return Rehearsal(missing=str(error))


@contextlib.contextmanager
def scratch(room: int | None = None) -> Iterator[Store]:
    """A store for what a rehearsal makes; what the teacher says is not kept, `room` being what it might take."""
    with tempfile.TemporaryDirectory(prefix="raykd-rehearsal-") as folder:
        yield Store(folder, makes=_MADE, room=room)


def untaught(recipe: Recipe) -> Recipe:
    """The recipe with a stand-in for its teacher."""
    if recipe.teacher is None:
        return recipe
    return dataclasses.replace(recipe, teacher=_StandIn(of=recipe.teacher))


def _training(
    teacher: TeacherSpec | None,
    data: DataSpec,
    store: Store,
    made: Store,
    world: World,
    say: Callable[[str], None],
) -> float:
    """Seconds that the training of a teacher takes, with that of its own teacher; 0 where the store has its route."""
    if not isinstance(teacher, TrainedTeacherSpec) or _is_there(teacher, data, store, world):
        return 0.0
    say("measuring an epoch of the teacher")
    recipe = teacher.training(data)
    seconds = recipe.epochs * _epoch(untaught(recipe), made, world)
    return seconds + _training(recipe.teacher, data, store, made, world, say)


def _is_there(teacher: TeacherSpec, data: DataSpec, store: Store, world: World) -> bool:
    try:
        teacher.route(BuildContext(data=data, dataset=load(data, world.device), store=store))
    except NotMadeError:
        return False
    return True


def _measured(recipe: Recipe, store: Store, world: World) -> Rehearsal:
    recorder = Recorder(world.device)
    seconds = _epoch(recipe, store, world, recorder)
    spans = [(span.name, span.device_seconds or span.seconds) for span in recorder.recorded() if span.name != "start"]
    teacher = sum(took for name, took in spans if name == "teacher")
    run = Run(recipe, store, world, lambda line: None)
    run.advance(0)
    return Rehearsal(
        epoch_seconds=seconds,
        teacher_outputs=run.teacher.told,
        teacher_share=teacher / max(sum(took for _, took in spans), 1e-9),
    )


def _epoch(recipe: Recipe, store: Store, world: World, span: Span = no_span) -> float:
    """Seconds of an epoch, the second one where the first is short and there is one."""
    epochs = distill(recipe, store=store, world=world, span=span)
    first = next(epochs)
    second = next(epochs, None) if first.seconds < _SHORT_S else None
    return (second or first).seconds


@dataclass(frozen=True, kw_only=True)
class _StandIn:
    """A teacher with as many checkpoints as another, all of which are its network before training."""

    of: TeacherSpec

    @property
    def model(self) -> ModelSpec:
        return self.of.model

    @property
    def num_checkpoints(self) -> int:
        return self.of.num_checkpoints

    def check(self, data: DataSpec) -> None:
        self.of.check(data)

    def fit_to(self, dataset: Dataset) -> Fit:
        return fit_of(self.of, dataset)

    def route(self, context: BuildContext) -> TeacherRoute:
        dataset, fit = context.dataset, self.fit_to(context.dataset)

        def make(folder: Path) -> None:
            network = fit.around(build_network(self.model, fit.num_classes, fit.image, "rehearsal"))
            images = next(iter(dataset.plain(dataset.train, batch_size=64))).images
            _normalise(network.to(dataset.device), images)
            write_checkpoint(folder, 1, network.network.state_dict())
            numbers = range(1, self.num_checkpoints + 1)
            for number in numbers[1:]:
                (folder / checkpoint_name(number)).hardlink_to(folder / checkpoint_name(1))
            write_records(folder, [{"checkpoint": number, "epoch": number, "accuracy": 0.0} for number in numbers])

        key = {"model": self.model, "checkpoints": self.num_checkpoints, "images": dataset.digest} | fit.key(dataset)
        return TeacherRoute(self, context.get("route", fingerprint(key), make), dataset)


@torch.no_grad()
def _normalise(network: nn.Module, images: torch.Tensor) -> None:
    """Gives batch normalisation the moments of a batch: with its initial ones a deep network's features overflow."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # of the mean over all batches seen, here one
    network.train()
    network(images)
