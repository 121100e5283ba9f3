"""What a term reads of the teacher's outputs: one tensor, a row for each image, which can be kept and read again.

A term that states its readings (`Term.readings`) gets them in the place of the teacher's whole outputs, from whatever
run has asked the teacher for the same view before, or from the live teacher: the same bits either way.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from raykd.errors import InvalidError
from raykd.models.staged import Outputs, Shape
from raykd.ops.maps import as_map, averaged, pooled
from raykd.ops.vectors import directions, full


@runtime_checkable
class Reading(Protocol):
    """A part of a network's outputs, or a function of them, that looks at each image by itself."""

    @property
    def name(self) -> str:
        """A plain word that tells it from all other readings, with the values that it depends on."""
        ...

    def shape(self, num_classes: int, stages: tuple[Shape, ...]) -> Shape:
        """Of an image's part, for a network whose stages give maps of these shapes."""
        ...

    def __call__(self, outputs: Outputs) -> Float[Tensor, "batch *part"]: ...


def read(outputs: Outputs, reading: Reading) -> Float[Tensor, "batch *part"]:
    """A reading of outputs, whole ones or those that hold readings alone.

    Raises:
        KeyError: they hold other readings alone.
    """
    return outputs.readings[reading.name] if outputs.readings else reading(outputs)


def check_readings(readings: Iterable[Reading], stages: int, scores: bool) -> None:
    """Refuses readings that a teacher has not.

    Args:
        stages, scores: how many stages it has, and whether its class scores are of the data's classes.

    Raises:
        ValueError: the reading, and what is missing.
    """
    for reading in readings:
        if isinstance(reading, Features) and reading.stage >= stages:
            raise InvalidError(f"a term reads {reading.name} of the teacher, which has {stages} stages")
        if isinstance(reading, Logits) and not scores:
            raise InvalidError("a term reads the teacher's class scores, and its features alone are asked for")


@dataclass(frozen=True)
class Logits:
    """The class scores."""

    @property
    def name(self) -> str:
        return "logits"

    def shape(self, num_classes: int, stages: tuple[Shape, ...]) -> Shape:
        return (num_classes,)

    def __call__(self, outputs: Outputs) -> Float[Tensor, "batch classes"]:
        return outputs.logits


LOGITS = Logits()


@dataclass(frozen=True)
class Features:
    """The output of a stage, counted from 0."""

    stage: int

    @property
    def name(self) -> str:
        return f"features-{self.stage}"

    def shape(self, num_classes: int, stages: tuple[Shape, ...]) -> Shape:
        return stages[self.stage]

    def __call__(self, outputs: Outputs) -> Float[Tensor, "batch *part"]:
        return outputs.features[self.stage]


@dataclass(frozen=True)
class BeforeRelu(Features):
    """The output of a stage before the ReLU that ends it."""

    @property
    def name(self) -> str:
        return f"before-relu-{self.stage}"

    def __call__(self, outputs: Outputs) -> Float[Tensor, "batch *part"]:
        return outputs.before_relu[self.stage]


@dataclass(frozen=True)
class Pooled(Features):
    """The output of a stage, averaged over its places."""

    @property
    def name(self) -> str:
        return f"pooled-{self.stage}"

    def shape(self, num_classes: int, stages: tuple[Shape, ...]) -> Shape:
        return stages[self.stage][:1]

    def __call__(self, outputs: Outputs) -> Float[Tensor, "batch channels"]:
        return pooled(outputs.features[self.stage])


@dataclass(frozen=True)
class Averaged(Features):
    """The map of a stage, averaged to a height and a width that divide its own."""

    size: tuple[int, int]

    @property
    def name(self) -> str:
        return f"averaged-{self.stage}-{self.size[0]}x{self.size[1]}"

    def shape(self, num_classes: int, stages: tuple[Shape, ...]) -> Shape:
        return (stages[self.stage][0], *self.size)

    def __call__(self, outputs: Outputs) -> Float[Tensor, "batch channels height width"]:
        return averaged(as_map(outputs.features[self.stage]), self.size)


@dataclass(frozen=True)
class AttentionMap(Averaged):
    """Where a stage is active: the mean over channels of the activation's absolute value to the power p, of length 1.

    The map is averaged to a height and a width first. An image without any activation attends to nothing: all is 0,
    and passes no gradient.
    """

    power: int

    @property
    def name(self) -> str:
        return f"attention-{self.power}-{self.stage}-{self.size[0]}x{self.size[1]}"

    def shape(self, num_classes: int, stages: tuple[Shape, ...]) -> Shape:
        return (self.size[0] * self.size[1],)

    def __call__(self, outputs: Outputs) -> Float[Tensor, "batch places"]:
        return attention(averaged(full(as_map(outputs.features[self.stage])), self.size), self.power)


def attention(features: Float[Tensor, "batch channels h w"], power: int) -> Float[Tensor, "batch places"]:
    """Where a map is active, as a direction; see `AttentionMap`."""
    return directions(features.abs().pow(power).mean(dim=1).flatten(1), 1e-12)
