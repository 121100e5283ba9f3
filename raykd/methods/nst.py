"""NST: the student's channels fire in the places where the teacher's do (Huang and Wang, 2017, arXiv 1707.01219).

Each channel of an image's map is one direction over its places; the two sets of channels are drawn together in the
maximum mean discrepancy with the kernel k(a, b) = (a . b)^2, so that their numbers may differ:

    L_stage = mean k(t, t') + mean k(s, s') - 2 mean k(s, t), over pairs of channels, then over images

added up over stages. As in the reference benchmark (RepDistiller): all stages one to one, the larger map averaged
to the smaller's size, and the polynomial kernel alone. Left out: linear and Gaussian kernels.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import Pairs, stage_pairs
from raykd.models.staged import Outputs
from raykd.ops.maps import as_map, same_size
from raykd.ops.vectors import directions, full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Features, Reading, read
from raykd.space.ranges import searched


def nst_loss(
    student_BCHW: Float[Tensor, "batch channels height width"],
    teacher_BCHW: Float[Tensor, "batch others rows columns"],
) -> Float[Tensor, ""]:
    """The squared maximum mean discrepancy of two stages' channels; no gradient reaches the teacher.

    A channel that is 0 everywhere has no direction: it counts among the channels, and passes no gradient.
    """
    student, teacher = (_channels(maps) for maps in same_size(full(student_BCHW), full(teacher_BCHW.detach())))
    with torch.autocast(student.device.type, enabled=False):
        if student.shape[2] < max(student.shape[1], teacher.shape[1]):
            # sum over i, j of (a_i . b_j)^2 is the inner product of A'A and B'B, which are places x places
            difference = _places(student) - _places(teacher)
            return difference.square().sum(dim=(1, 2)).mean()
        return _kernel(teacher, teacher) + _kernel(student, student) - 2.0 * _kernel(student, teacher)


@dataclass(frozen=True, kw_only=True)
class NST:
    """Neuron selectivity transfer; see the file's docstring.

    Args:
        pairs: stages of student and teacher, counted from 0, that belong together; empty takes all, one to one.
    """

    name: ClassVar[str] = "nst"
    needs_teacher = True
    weight: float = searched(50.0, FloatDistribution(1.0, 500.0, log=True))
    pairs: Pairs = ()

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")

    def check(self, shapes: Shapes) -> None:
        stage_pairs(self.pairs, shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _NST(stage_pairs(self.pairs, shapes))


class _NST(Term):
    def __init__(self, pairs: Pairs):
        super().__init__()
        self._pairs = pairs

    def readings(self) -> tuple[Reading, ...]:
        return tuple(Features(other) for _, other in self._pairs)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        losses = [
            nst_loss(as_map(student.features[own]), as_map(read(teacher, Features(other))))
            for own, other in self._pairs
        ]
        return torch.stack(losses).sum()


def _channels(maps: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch channels places"]:
    return directions(maps.flatten(2).flatten(0, 1), 1e-12).unflatten(0, maps.shape[:2])


def _places(channels: Float[Tensor, "batch channels places"]) -> Float[Tensor, "batch places places"]:
    return channels.transpose(1, 2) @ channels / channels.shape[1]


def _kernel(left: Float[Tensor, "batch c places"], right: Float[Tensor, "batch d places"]) -> Float[Tensor, ""]:
    return (left @ right.transpose(1, 2)).square().mean()
