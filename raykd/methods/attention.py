"""AT: the student looks where the teacher looks (Zagoruyko and Komodakis, ICLR 2017, arXiv 1612.03928).

A stage's attention is its activations' size at each place, as one direction for each image:

    A(f) = (mean over channels of |f|^p),   L_stage = mean over images and places of (A_s / |A_s| - A_t / |A_t|)^2

added up over stages. As in the reference benchmark (RepDistiller): p = 2, all stages one to one, the larger map
averaged to the smaller's size, and a mean over places where the paper has the norm of the difference; the
weight of 1000 belongs to that mean. Left out: gradient-based attention.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import Pairs, stage_pairs
from raykd.models.staged import Outputs
from raykd.ops.maps import as_map, averaged, common_size, same_size
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import AttentionMap, Reading, attention, read
from raykd.space.ranges import searched


def attention_loss(
    student_BCHW: Float[Tensor, "batch channels height width"],
    teacher_BCHW: Float[Tensor, "batch others rows columns"],
    power: int = 2,
) -> Float[Tensor, ""]:
    """The mean squared difference of two stages' attention; no gradient reaches the teacher.

    An image without any activation attends to nothing: its attention is 0 and passes no gradient.
    """
    student, teacher = same_size(full(student_BCHW), full(teacher_BCHW.detach()))
    return F.mse_loss(attention(student, power), attention(teacher, power))


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Attention transfer; see the file's docstring.

    Args:
        power: p, at least 1; a larger one looks at the strongest places alone.
        pairs: stages of student and teacher, counted from 0, that belong together; empty takes all, one to one.
    """

    name: ClassVar[str] = "attention"
    needs_teacher = True
    weight: float = searched(1000.0, FloatDistribution(10.0, 10000.0, log=True))
    power: int = 2
    pairs: Pairs = ()

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        if self.power < 1:
            raise InvalidError(f"power must be at least 1, got {self.power}")

    def check(self, shapes: Shapes) -> None:
        stage_pairs(self.pairs, shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _Attention(self.power, stage_pairs(self.pairs, shapes), shapes)


class _Attention(Term):
    def __init__(self, power: int, pairs: Pairs, shapes: Shapes):
        super().__init__()
        self._power = power
        sizes = [common_size(shapes.student[own], shapes.teacher[other]) for own, other in pairs]
        readings = [AttentionMap(other, size, power) for (_, other), size in zip(pairs, sizes, strict=True)]
        self._pairs = [(own, reading) for (own, _), reading in zip(pairs, readings, strict=True)]

    def readings(self) -> tuple[Reading, ...]:
        return tuple(reading for _, reading in self._pairs)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        losses: list[Tensor] = []
        for own, reading in self._pairs:
            mine = averaged(full(as_map(student.features[own])), reading.size)
            losses.append(F.mse_loss(attention(mine, self._power), read(teacher, reading).detach()))
        return torch.stack(losses).sum()
