"""The four seams: where a distillation method acts on training, and nowhere else.

Every method is one file of `raykd.methods` that plugs into one of them, and any combination runs together:

* `Start`: what the student's weights are when training begins (AB, FSP);
* `Route`: which checkpoint of the teacher's training route a stretch of epochs learns from (RCO);
* `Swap`: which stages the teacher stands in for in a step's forward (IAKD);
* `TermSpec` and `Term`: one more named scalar of the loss (KD, QUEST, information flow, ...).

A `Start`, a `Route`, a `Swap` and a `TermSpec` are frozen dataclasses that stand in a recipe; what they need of a
run reaches them as values. A `TermSpec` builds its `Term`, the module that may hold parameters and tensors.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from raykd.data.dataset import Batch
from raykd.models.staged import Outputs, Shape, Staged
from raykd.protocols.context import BuildContext
from raykd.protocols.model import ModelSpec
from raykd.protocols.reading import Reading


@dataclass(frozen=True, kw_only=True)
class Clock:
    """When a step happens: everything that a schedule may depend on.

    Args:
        epoch: counted from 0, of `epochs` in the whole run.
        step: counted from 0 within the epoch.
        milestones: the epochs, 0 and `epochs` aside, at which the learning rate drops, or begins anew: those of the
            stretch of its schedule that `epoch` lies in, and where this stretch begins and ends.
        seed: the run's seed.
    """

    epoch: int
    epochs: int
    step: int = 0
    milestones: tuple[int, ...] = ()
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """What is known of a run before anything is trained, enough to refuse a recipe that cannot work.

    Args:
        student, teacher: the shape of each stage's output for one image, without the batch.
        image: channels, height, width.
        num_classes: labels run from 0 to this, exclusive.
        num_images: images in the training split.
        num_checkpoints: checkpoints on the teacher's route.
        student_stem, teacher_stem: the shape of what the first stage takes in.
        teacher_scores: whether the teacher has scores of the data's classes; without them its features alone teach.
    """

    student: tuple[Shape, ...]
    teacher: tuple[Shape, ...]
    image: Shape
    num_classes: int
    num_images: int
    num_checkpoints: int
    student_stem: Shape = ()
    teacher_stem: Shape = ()
    teacher_scores: bool = True


class Term(nn.Module, ABC):
    """One named scalar of the loss, with whatever it trains or holds.

    A subclass registers frozen tensors as buffers with `persistent=False` where an artefact can bring them
    back, so that checkpoints stay small.
    """

    @abstractmethod
    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        """The unweighted loss of a step. `teacher` is None where no term of the run asks for it."""

    def readings(self) -> tuple[Reading, ...] | None:
        """All that `forward` reads of the teacher, by `read(teacher, reading)`; None where it takes the whole outputs.

        Where every term of a run states its readings, they are kept, and the teacher need not run for a view that it
        has been asked about before.
        """
        return None

    def uses_logits(self) -> bool:
        """Whether `forward` uses the student's class scores, in every step; all of its parameters have a part in them.

        Where no term of a run does, some parameters may get no gradient, such as the classifier's, and processes that
        train together must not wait for one.
        """
        return False

    def follow(self, checkpoint: int) -> None:
        """Called when a leg of the route begins, with the teacher's checkpoint (counted from 1) that it follows."""


@runtime_checkable
class TermSpec(Protocol):
    """A term as it stands in a recipe.

    A `name` is unique in a recipe; a `weight` of 0 leaves the term out, so that the run is the one without it;
    `needs_teacher` says whether `forward` reads the teacher's outputs for the batch.
    """

    name: ClassVar[str]

    @property
    def needs_teacher(self) -> bool: ...

    @property
    def weight(self) -> float: ...

    def check(self, shapes: Shapes) -> None:
        """Raises ValueError where the term cannot work on these shapes."""
        ...

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        """The term's module, on the data set's device, with its artefacts got or made.

        The caller has seeded PyTorch's generator from the run's seed and the term's name.
        """
        ...


@runtime_checkable
class Start(Protocol):
    """Where a student begins. What a first stage of training gives it is an artefact, shared by trials and ranks."""

    @property
    def needs_teacher(self) -> bool: ...

    def check(self, shapes: Shapes) -> None:
        """Raises ValueError where the start cannot work on these shapes."""
        ...

    def begin(self, student: Staged, model: ModelSpec, seed: int, shapes: Shapes, context: BuildContext) -> None:
        """Brings a student with fresh weights, in place, to where training begins; draws from no global generator.

        The teacher to begin from is the final one, whatever the route. `model`, the student's spec, and `seed`, the
        run's, are what the fresh weights come from.
        """
        ...


@runtime_checkable
class Route(Protocol):
    """The checkpoints of the teacher's route that a run follows, one after the other."""

    @property
    def restart(self) -> bool:
        """Whether each leg starts with a fresh optimiser and schedule."""
        ...

    def check(self, shapes: Shapes, epochs: int) -> None:
        """Raises ValueError where the route asks for more than the teacher or the run has."""
        ...

    def starts(self, epochs: int) -> tuple[int, ...]:
        """The epochs, from 0, at which a leg of the route may begin; the first is 0."""
        ...

    def choose(self, visited: tuple[int, ...], num_checkpoints: int, ratio: "Ratio") -> int:
        """The checkpoint, counted from 1, of the leg that begins after those `visited`."""
        ...


@runtime_checkable
class Ratio(Protocol):
    """How hard checkpoint j is for a student that has learnt from checkpoint i (RCO's r_ij)."""

    def __call__(self, i: int, j: int) -> float: ...


@runtime_checkable
class Swap(Protocol):
    """Which parts of the network the teacher stands in for in a step, the same on every rank."""

    @property
    def swap_head(self) -> bool:
        """Whether the classifier is swapped too."""
        ...

    def check(self, shapes: Shapes) -> None:
        """Raises ValueError where teacher and student cannot stand in for each other."""
        ...

    def choose(self, num_stages: int, clock: Clock) -> frozenset[int]:
        """The stages, counted from 0, that the teacher takes in this step; `num_stages` itself is the head."""
        ...

    def keep(self, clock: Clock) -> float:
        """The probability that the student keeps a stage of its own in this epoch, for the record."""
        ...
