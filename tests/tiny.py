"""A network, a data set, a teacher's route and recipes small enough to see through."""

import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from raykd.data import Augmentation, Split
from raykd.data.dataset import Batch, Dataset
from raykd.distributed.world import World
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, Greedy
from raykd.models.cnn import CNN
from raykd.models.staged import Outputs, Staged, feature_shapes, stem_shape
from raykd.optim import SGD, Constant
from raykd.protocols.context import BuildContext
from raykd.protocols.epoch import AnchorRatio
from raykd.protocols.method import Clock, Shapes, Term
from raykd.recipe import Recipe
from raykd.space.serialise import fingerprint
from raykd.storage.artifacts import Store
from raykd.teachers.trained import Teacher
from raykd.training.loop import State, distill

IMAGE = (1, 8, 8)
NUM_CLASSES = 3


@dataclass(frozen=True, kw_only=True)
class TinyNet:
    """A stem of `stem` channels, a stage of convolution, normalisation and ReLU for each width, and a linear head.

    Args:
        strides: of each stage; the images are 8 x 8.
        embedding: adds a stage whose output is flat, of this width.
    """

    widths: tuple[int, ...] = (4, 6)
    strides: tuple[int, ...] = (2, 2)
    stem: int = 3
    embedding: int = 0

    def build(self, num_classes: int, image: tuple[int, ...]) -> Staged:
        parts: dict[str, nn.Module] = {"stem": nn.Conv2d(image[0], self.stem, 3, padding=1)}
        channels = self.stem
        for width, stride in zip(self.widths, self.strides, strict=True):
            convolution = nn.Conv2d(channels, width, 3, stride, padding=1)
            parts[f"stage{len(parts)}"] = nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())
            channels = width
        if self.embedding:
            parts[f"stage{len(parts)}"] = nn.Sequential(_flat(), nn.Linear(channels, self.embedding), nn.ReLU())
        stages = [name for name in parts if name.startswith("stage")]
        linear = nn.Linear(self.embedding or channels, num_classes)
        parts["head"] = linear if self.embedding else nn.Sequential(_flat(), linear)
        return Staged(nn.ModuleDict(parts), stem="stem", stages=stages, head="head")


def network(seed: int = 0, **options) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TinyNet(**options).build(NUM_CLASSES, IMAGE)


def shapes(student: Staged, teacher: Staged, num_images: int = 24, num_checkpoints: int = 3) -> Shapes:
    return Shapes(
        student=feature_shapes(student, IMAGE),
        teacher=feature_shapes(teacher, IMAGE),
        image=IMAGE,
        num_classes=NUM_CLASSES,
        num_images=num_images,
        num_checkpoints=num_checkpoints,
        student_stem=stem_shape(student, IMAGE),
        teacher_stem=stem_shape(teacher, IMAGE),
    )


def dataset(num_images: int = 24, image: tuple[int, ...] = IMAGE, num_classes: int = NUM_CLASSES) -> Dataset:
    stream = torch.Generator().manual_seed(0)

    def split(size: int) -> Split:
        images = torch.randint(256, (size, *image), generator=stream, dtype=torch.uint8)
        return Split(images, torch.randint(num_classes, (size,), generator=stream))

    return Dataset(
        train=split(num_images),
        validation=split(9),
        test=split(9),
        num_classes=num_classes,
        mean=(0.5,) * image[0],
        std=(0.3,) * image[0],
        augmentation=Augmentation(padding=1, flip=True),
    )


@dataclass(frozen=True, kw_only=True)
class TinyData:
    """`dataset` as it stands in a recipe."""

    name: ClassVar[str] = "tiny"
    num_images: int = 24
    image: tuple[int, ...] = IMAGE
    num_classes: int = NUM_CLASSES

    def load(self) -> Dataset:
        return dataset(self.num_images, self.image, self.num_classes)


STUDENT = CNN(widths=(4, 6))
TEACHER = Teacher(model=CNN(widths=(6, 8)), epochs=4, every=1, batch_size=8)


def recipe(**changes: Any) -> Recipe:
    """KD beside the labels: 4 epochs of 3 steps, the teacher having kept a checkpoint in each of its 4 epochs."""
    terms = (CrossEntropy(weight=0.1), KD(weight=0.9))
    values: dict[str, Any] = {"student": STUDENT, "teacher": TEACHER, "terms": terms, "epochs": 4, "batch_size": 8}
    return Recipe(data=TinyData(), **(values | changes))


def composed(**changes: Any) -> Recipe:
    """All four methods and KD beside the labels, in one run."""
    terms = (CrossEntropy(weight=0.1), KD(weight=0.9), Quest(words=8), InfoFlow(weight=100.0))
    values: dict[str, Any] = {"terms": terms, "route": EqualInterval(count=2), "swap": IAKD(schedule="growth")}
    return recipe(**(values | changes))


def searching(delta: float, restart: bool = False, norm: str = "batch") -> Recipe:
    """A greedy search for anchors in 4 stages of 2 epochs, among checkpoints that grow harder for the student."""
    teacher = replace(TEACHER, model=CNN(widths=(12, 16), norm=norm), optimiser=SGD(lr=0.1, schedule=Constant()))
    route = Greedy(count=4, delta=delta, restart=restart)
    student = replace(STUDENT, norm=norm)
    return recipe(student=student, teacher=teacher, route=route, optimiser=SGD(lr=0.001), epochs=8)


def unwatched(cls: Any, **values: Any) -> Any:
    """A value made as outside of the tests, whose hook refuses what is of the wrong kind before the class does."""
    made = object.__new__(cls)
    cls.__init__.__wrapped__(made, **values)
    return made


@dataclass(frozen=True)
class Finished:
    """What a run gave: the metrics of each epoch, the student's weights at the end, the ratios of its anchors."""

    metrics: list[dict[str, float]]
    weights: dict[str, Tensor]
    ratios: tuple[AnchorRatio, ...] = ()

    def column(self, name: str) -> list[float]:
        return [metrics[name] for metrics in self.metrics]


def finish(recipe: Recipe, store: Store, resume: State | None = None, world: World | None = None) -> Finished:
    """Trains by a recipe to the end."""
    epochs = list(distill(recipe, resume, store=store, world=world))
    ratios = tuple(ratio for epoch in epochs for ratio in epoch.ratios)
    return Finished([epoch.metrics for epoch in epochs], epochs[-1].student(), ratios)


def same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether the names are the same, and the values to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def assert_same_run(one: Finished, other: Finished) -> None:
    """Two runs are one: every metric of every epoch and every weight, to the last bit."""
    assert one.metrics == other.metrics
    assert same_weights(one.weights, other.weights)


@dataclass
class TinyRoute:
    """A teacher's route as a `TeacherRoute` offers it; counts the networks that it was asked for."""

    options: dict = field(default_factory=lambda: {"widths": (5, 8)})
    num_checkpoints: int = 3
    asked: list[int] = field(default_factory=list)

    def network(self, checkpoint: int) -> Staged:
        self.asked.append(checkpoint)
        return network(seed=100 + checkpoint, **self.options).requires_grad_(False).eval()

    def digest(self, checkpoint: int) -> str:
        return fingerprint({"options": self.options, "checkpoint": checkpoint})


def context(folder, route: Any = None, say=lambda line: None) -> BuildContext:
    route = route or TinyRoute()
    return BuildContext(data=TinyData(), dataset=dataset(), store=Store(folder), teacher=route, say=say)


def batch(size: int = 6) -> Batch:
    return next(dataset().batches(epoch=0, seed=0, batch_size=size))


def clock(epoch: int = 0, epochs: int = 50, step: int = 0, **options) -> Clock:
    return Clock(epoch=epoch, epochs=epochs, step=step, **options)


def random(*shape: int, seed: int = 0, grad: bool = False) -> Tensor:
    """Normal numbers in double precision."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.requires_grad_(grad)


def assert_same_value_and_gradient(ours, reference, inputs: list[Tensor]) -> None:
    """Two functions of the same tensors agree, and so do their gradients."""
    values = ours(*inputs), reference(*inputs)
    torch.testing.assert_close(values[0], values[1], rtol=1e-10, atol=1e-12)
    ones = torch.ones_like(values[0])
    for got, expected in zip(*(torch.autograd.grad(value, inputs, ones) for value in values), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-10)


@dataclass(frozen=True, kw_only=True)
class Killer:
    """A term that adds nothing, and once kills its process in the run's third epoch.

    Args:
        marker: a file, made before the first kill; where it is, nobody is killed.
        times: how often to kill, counted by the marker's size.
        raises: raise instead.
        rank: of the only process that is killed; whichever comes first by default.
    """

    name: ClassVar[str] = "killer"
    needs_teacher = False
    weight: float = 1.0
    marker: str = ""
    times: int = 1
    raises: bool = False
    rank: int = -1

    def check(self, shapes: Shapes) -> None:
        pass

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _Killer(self)


class _Killer(Term):
    def __init__(self, spec: Killer):
        super().__init__()
        self.spec = spec

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Tensor:
        file = Path(self.spec.marker)
        spared = self.spec.rank not in (-1, World.current().rank)
        if clock.epoch == 2 and not spared and (not file.exists() or file.stat().st_size < self.spec.times):
            with file.open("a") as marker:
                marker.write("x")
            if self.spec.raises:
                raise ValueError("the killer raises")
            os.kill(os.getpid(), signal.SIGKILL)
        return student.logits.sum() * 0.0


def _flat() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
