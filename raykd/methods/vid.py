"""VID: the student's stages tell much of the teacher's (Ahn et al., CVPR 2019, arXiv 1904.05835).

A lower bound of their mutual information: a regressor m of the student's map predicts the teacher's, with a
variance of its own for each of the teacher's channels c, as a normal distribution would:

    L_stage = mean over images, channels and places of ((m(f_s) - f_t)^2 / v_c + log v_c) / 2

added up over stages; v_c = softplus(raw_c) + 1e-5 is trained, and the loss may fall below 0. As in the reference
benchmark (RepDistiller): all stages one to one; the regressor is three 1x1 convolutions without bias, as wide as the
teacher's stage, with ReLUs between; v_c begins at 5; the larger map is averaged to the smaller's size. Left out: the
paper's bound for the logits.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import Pairs, stage_pairs
from raykd.models.staged import Outputs
from raykd.ops.maps import as_map, same_size
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Features, Reading, read
from raykd.space.ranges import searched

_LEAST_VARIANCE = 1e-5


def vid_loss(
    mean_BCHW: Float[Tensor, "batch channels h w"],
    teacher_BCHW: Float[Tensor, "batch channels h w"],
    variance_C: Float[Tensor, "channels"],
) -> Float[Tensor, ""]:
    """The teacher's negative log-likelihood in nats, less log(2 pi) / 2, averaged over all entries.

    No gradient reaches the teacher.
    """
    variance = full(variance_C)[:, None, None]
    squares = (full(mean_BCHW) - full(teacher_BCHW.detach())).square()
    return 0.5 * (squares / variance + variance.log()).mean()


@dataclass(frozen=True, kw_only=True)
class VID:
    """Variational information distillation; see the file's docstring.

    Args:
        variance: where every v_c begins.
        pairs: stages of student and teacher, counted from 0, that belong together; empty takes all, one to one.
    """

    name: ClassVar[str] = "vid"
    needs_teacher = True
    weight: float = searched(1.0, FloatDistribution(0.05, 10.0, log=True))
    variance: float = 5.0
    pairs: Pairs = ()

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        if not self.variance > _LEAST_VARIANCE:
            raise InvalidError(f"variance must be above {_LEAST_VARIANCE}, got {self.variance}")

    def check(self, shapes: Shapes) -> None:
        stage_pairs(self.pairs, shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _VID(self, shapes).to(context.dataset.device)


class _VID(Term):
    def __init__(self, spec: VID, shapes: Shapes):
        super().__init__()
        self._pairs = stage_pairs(spec.pairs, shapes)
        self.regressors, self.raw_variances = nn.ModuleList(), nn.ParameterList()
        for own, other in self._pairs:
            before, width = shapes.student[own][0], shapes.teacher[other][0]
            self.regressors.append(_regressor(before, width))
            self.raw_variances.append(torch.full((width,), math.log(math.expm1(spec.variance - _LEAST_VARIANCE))))

    def readings(self) -> tuple[Reading, ...]:
        return tuple(Features(other) for _, other in self._pairs)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        losses: list[Tensor] = []
        for (own, other), regressor, raw in zip(self._pairs, self.regressors, self.raw_variances, strict=True):
            mine, theirs = same_size(as_map(student.features[own]), as_map(read(teacher, Features(other))))
            losses.append(vid_loss(regressor(mine), theirs, F.softplus(raw) + _LEAST_VARIANCE))
        return torch.stack(losses).sum()


def _regressor(before: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, width, 1, bias=False),
        nn.ReLU(),
        nn.Conv2d(width, width, 1, bias=False),
        nn.ReLU(),
        nn.Conv2d(width, width, 1, bias=False),
    )
