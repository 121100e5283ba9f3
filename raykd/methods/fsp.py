"""FSP: a teacher's flow from stage to stage (Yim et al., "A Gift from Knowledge Distillation", CVPR 2017).

The flow from a map F of m channels to a later one G of n channels is an image's m x n matrix

    M_ij = mean over places of F_i G_j,   L_pair = mean over images, i and j of (M_student - M_teacher)^2

added up over neighbouring stages; the larger map is averaged to the smaller's size, and student and teacher need
equal widths, for want of a regressor. As in the paper and in the reference benchmark (RepDistiller) the flow is a
start: `FSPStart` trains the student's stages on it alone, for the benchmark's 30 epochs, the stem's output
counting as a stage before the first; the recipe's terms follow.

`FSP` is the same loss as a term beside the others, without the stem, which a term does not see. Its weight is the
one in the benchmark's command, whose second stage leaves the flow out. Left out: the paper's lambda_i, equal for
all pairs there too, and its max pooling.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.common.stages import Pairs, stage_pairs
from raykd.methods.common.warm_start import Trunk, warm_start
from raykd.models.staged import Outputs, Shape, Staged
from raykd.ops.maps import as_map, same_size
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.model import ModelSpec
from raykd.space.ranges import fixed, searched


def fsp_matrix(
    first_BCHW: Float[Tensor, "batch channels height width"], second_BCHW: Float[Tensor, "batch others rows columns"]
) -> Float[Tensor, "batch channels others"]:
    """The flow from one map to another of the same images: products of channels, averaged over places."""
    first, second = same_size(full(first_BCHW), full(second_BCHW))
    with torch.autocast(first.device.type, enabled=False):
        return first.flatten(2) @ second.flatten(2).mT / first[0, 0].numel()


def fsp_loss(
    student_first: Float[Tensor, "batch channels h1 w1"],
    student_second: Float[Tensor, "batch others h2 w2"],
    teacher_first: Float[Tensor, "batch channels h3 w3"],
    teacher_second: Float[Tensor, "batch others h4 w4"],
) -> Float[Tensor, ""]:
    """The mean squared difference of the student's flow and the teacher's; no gradient reaches the teacher."""
    with torch.no_grad():
        target = fsp_matrix(teacher_first, teacher_second)
    return F.mse_loss(fsp_matrix(student_first, student_second), target)


@dataclass(frozen=True, kw_only=True)
class FSP:
    """The flow as a term; see the file's docstring.

    Args:
        pairs: stages of student and teacher, counted from 0, that belong together; a flow leads from each to the
            next. Empty takes all, one to one.
    """

    name: ClassVar[str] = "fsp"
    needs_teacher = True
    weight: float = searched(50.0, FloatDistribution(1.0, 500.0, log=True))
    pairs: Pairs = ()

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")

    def check(self, shapes: Shapes) -> None:
        pairs = stage_pairs(self.pairs, shapes)
        if len(pairs) < 2:
            raise InvalidError(f"a flow needs at least 2 stages, got {len(pairs)}")
        _check_widths([(shapes.student[own], shapes.teacher[other]) for own, other in pairs])

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _FSP(stage_pairs(self.pairs, shapes))


class _FSP(Term):
    def __init__(self, pairs: Pairs):
        super().__init__()
        self._pairs = pairs

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        return _flows([(student.features[own], teacher.features[other]) for own, other in self._pairs])


@dataclass(frozen=True, kw_only=True)
class FSPStart:
    """A start with the teacher's flow; see the file's docstring.

    Args:
        pairs: as for `FSP`; the stems stand before the first.
        first_stage: its length and its steps. A search leaves it alone, so that all trials share one.
    """

    name: ClassVar[str] = "fsp_start"
    needs_teacher = True
    pairs: Pairs = ()
    first_stage: FirstStage = fixed(FirstStage())

    def check(self, shapes: Shapes) -> None:
        pairs = stage_pairs(self.pairs, shapes)
        stages = [(shapes.student[own], shapes.teacher[other]) for own, other in pairs]
        _check_widths([(shapes.student_stem, shapes.teacher_stem), *stages])
        self.first_stage.check(shapes)

    def begin(self, student: Staged, model: ModelSpec, seed: int, shapes: Shapes, context: BuildContext) -> None:
        def loss() -> nn.Module:
            return _StartFlows(stage_pairs(self.pairs, shapes))

        warm_start(student, loss, self.first_stage, start=self, model=model, seed=seed, context=context)


class _StartFlows(nn.Module):
    def __init__(self, pairs: Pairs):
        super().__init__()
        self._pairs = pairs

    def forward(self, student: Trunk, teacher: Trunk) -> Float[Tensor, ""]:
        stages = [(student.features[own], teacher.features[other]) for own, other in self._pairs]
        return _flows([(student.stem, teacher.stem), *stages])


def _flows(stages: Sequence[tuple[Tensor, Tensor]]) -> Float[Tensor, ""]:
    """The losses of all neighbours among the outputs of student and teacher, added up."""
    maps = [(as_map(own), as_map(other)) for own, other in stages]
    losses = [
        fsp_loss(student_first, student_second, teacher_first, teacher_second)
        for (student_first, teacher_first), (student_second, teacher_second) in itertools.pairwise(maps)
    ]
    return torch.stack(losses).sum()


def _check_widths(stages: Sequence[tuple[Shape, Shape]]) -> None:
    student, teacher = (tuple(shapes[side][0] for shapes in stages) for side in range(2))
    if student != teacher:
        raise InvalidError(f"student and teacher need equal widths, got {student} and {teacher} channels")
