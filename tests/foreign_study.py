"""A study as a user writes it, of whose recipe every component is a class of the user's own; none is raykd's."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from optuna.distributions import FloatDistribution, IntDistribution
from torch import Tensor, nn

from raykd.data import Augmentation, Dataset, Split
from raykd.data.dataset import Batch, DataSpec
from raykd.methods import BuildContext, Clock, Ratio, Shapes, Term
from raykd.methods.iakd import NoSwap
from raykd.models.staged import Outputs, Staged
from raykd.optim import Schedule, Step
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherRoute, write_checkpoint, write_records
from raykd.recipe import Recipe
from raykd.space.ranges import searched
from raykd.space.serialise import fingerprint
from raykd.studies.study import Study


@dataclass(frozen=True, kw_only=True)
class Stripes:
    """Stripes across or along, under noise."""

    name: ClassVar[str] = "stripes"
    num_images: int = 24

    def load(self) -> Dataset:
        stream = torch.Generator().manual_seed(0)

        def split(size: int) -> Split:
            labels = torch.arange(size) % 2
            across = (torch.arange(8) % 2 * 120).expand(8, 8)
            stripes = torch.where(labels[:, None, None] == 0, across, across.T)
            noise = torch.randint(100, (size, 8, 8), generator=stream)
            return Split((stripes + noise)[:, None].to(torch.uint8), labels)

        return Dataset(
            train=split(self.num_images),
            validation=split(10),
            test=split(10),
            num_classes=2,
            mean=(0.43,),
            std=(0.26,),
            augmentation=Augmentation(flip=True),
        )


@dataclass(frozen=True, kw_only=True)
class Net:
    """Two convolutions."""

    width: int = searched(4, IntDistribution(2, 6))

    def build(self, num_classes: int, image: tuple[int, ...]) -> Staged:
        first = nn.Sequential(nn.Conv2d(image[0], self.width, 3, padding=1), nn.ReLU())
        second = nn.Sequential(nn.Conv2d(self.width, self.width, 3, 2, padding=1), nn.BatchNorm2d(self.width))
        head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(self.width, num_classes))
        network = nn.Sequential(first, second, head)
        return Staged(network, stem=(), stages=("0", "1"), head="2")


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """A teacher whose checkpoints are its network with the initial weights of one seed after the other."""

    model: ModelSpec = Net(width=6)
    num_checkpoints: int = 3

    def check(self, data: DataSpec) -> None:
        if self.num_checkpoints < 1:
            raise ValueError(f"num_checkpoints must be at least 1, got {self.num_checkpoints}")

    def route(self, context: BuildContext) -> TeacherRoute:
        dataset = context.dataset

        def make(folder: Path) -> None:
            numbers = range(1, self.num_checkpoints + 1)
            for number in numbers:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(number)
                    network = self.model.build(dataset.num_classes, dataset.image_shape)
                write_checkpoint(folder, number, network.network.state_dict())
            write_records(folder, [{"checkpoint": number, "epoch": number, "accuracy": 0.5} for number in numbers])

        key = fingerprint({"teacher": self, "data": context.data, "images": dataset.digest})
        return TeacherRoute(self, context.store.get("route", key, make), dataset)


@dataclass(frozen=True, kw_only=True)
class Louder:
    """A start from the fresh weights times a factor."""

    needs_teacher = False
    factor: float = searched(1.5, FloatDistribution(0.5, 2.0))

    def check(self, shapes: Shapes) -> None:
        pass

    def begin(self, student: Staged, model: ModelSpec, seed: int, shapes: Shapes, context: BuildContext) -> None:
        with torch.no_grad():
            for parameter in student.parameters():
                parameter.mul_(self.factor)


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """The teacher's logits from the student's, each class times a factor that is learnt."""

    name: ClassVar[str] = "scaled"
    needs_teacher = True
    weight: float = searched(1.0, FloatDistribution(0.1, 10.0, log=True))

    def check(self, shapes: Shapes) -> None:
        pass

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _Scaled(shapes.num_classes)


class _Scaled(Term):
    def __init__(self, num_classes: int):
        super().__init__()
        self.factors = nn.Parameter(torch.rand(num_classes))

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Tensor:
        assert teacher is not None
        return (self.factors * student.logits - teacher.logits).square().mean()


@dataclass(frozen=True, kw_only=True)
class FirstThenLast:
    """The teacher's first checkpoint for a share of the epochs, then its last."""

    restart: bool = True
    share: float = searched(0.5, FloatDistribution(0.25, 0.75))

    def check(self, shapes: Shapes, epochs: int) -> None:
        if epochs < 2:
            raise ValueError(f"needs at least 2 epochs, the run has {epochs}")

    def starts(self, epochs: int) -> tuple[int, ...]:
        return (0, min(max(round(self.share * epochs), 1), epochs - 1))

    def choose(self, visited: tuple[int, ...], num_checkpoints: int, ratio: Ratio) -> int:
        return num_checkpoints if visited else 1


@dataclass(frozen=True, kw_only=True)
class EveryFew:
    """The teacher's first stage in every so many steps."""

    swap_head: bool = False
    steps: int = searched(2, IntDistribution(1, 3))

    def check(self, shapes: Shapes) -> None:
        if len(shapes.student) != len(shapes.teacher):
            raise ValueError("student and teacher need equally many stages")

    def choose(self, num_stages: int, clock: Clock) -> frozenset[int]:
        return frozenset({0} if clock.step % self.steps == 0 else set())

    def keep(self, clock: Clock) -> float:
        return 1 - 1 / self.steps


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """From the base rate down to nothing, along a power."""

    power: float = searched(1.0, FloatDistribution(0.5, 2.0))

    def factor(self, epoch: float, epochs: int) -> float:
        return (1 - epoch / epochs) ** self.power

    def drops(self, epochs: int) -> tuple[int, ...]:
        return (epochs // 2,)


@dataclass(frozen=True, kw_only=True)
class RMSprop:
    """RMSprop, whose running means are a state that a resumed run must get back."""

    lr: float = searched(0.01, FloatDistribution(0.001, 0.1, log=True))
    schedule: Schedule = Ramp()

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(parameters, self.lr)


recipe = Recipe(
    data=Stripes(),
    student=Net(),
    teacher=Snapshots(),
    start=Louder(),
    terms=(Scaled(),),
    route=FirstThenLast(),
    swap=EveryFew(),
    optimiser=RMSprop(),
    epochs=4,
    batch_size=8,
)
study = Study(
    recipe=recipe,
    choices={
        "optimiser/schedule": {"ramp": Ramp(), "step": Step()},
        "swap": {"every few": EveryFew(), "off": NoSwap()},
    },
    first=({"optimiser/schedule": "ramp", "optimiser/schedule/power": 2.0},),
    trials=3,
)
