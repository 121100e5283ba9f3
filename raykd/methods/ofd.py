"""OFD: regress the teacher's maps before their ReLU, where they matter (Heo et al., ICCV 2019, arXiv 1904.01866).

A 1x1 convolution with batch normalisation r over the student's map s, before its ReLU, meets the teacher's t. What
the ReLU takes away is only held down: t is raised to a margin m_c < 0 for each channel c, what the teacher's channel
gives on the average where it is below 0, and a student that is lower still costs nothing (the partial distance):

    L_stage = sum over channels and places of (r(s) - max(t, m_c))^2 where t > 0 or r(s) > max(t, m_c), else 0
    L = sum over stages k = 1..K of 2^(k - K) L_k,   averaged over images

As in the authors' code and mdistiller, whose weight is 1e-3: margins are those of a normal distribution, stages one
to one, and the larger map is averaged to the smaller's size. Their mean and deviation of a channel are the bias and
scale of the normalisation before the ReLU, which leaves the shortcut of a ResNet's block out; here they are measured
on the training images, so that any network can teach. A stage's map before its ReLU is `Outputs.before_relu`: that
of a wide residual network's first stages is the blocks' sum, which the two codes put through the next
normalisation; and a stage that ends with something else is compared as it is.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor, nn

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.moments import find_moments
from raykd.methods.common.stages import Pairs, stage_pairs
from raykd.models.staged import Outputs
from raykd.ops.maps import as_map, same_size
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import BeforeRelu, Reading, read
from raykd.space.ranges import searched

_LEAST_SHARE = 1e-3  # of a channel below 0, for its margin to be the mean of that share


def ofd_loss(
    student_BCHW: Float[Tensor, "batch channels height width"],
    teacher_BCHW: Float[Tensor, "batch channels height width"],
    margin_C: Float[Tensor, "channels"],
) -> Float[Tensor, ""]:
    """A stage's loss, summed over channels and places and averaged over images.

    Args:
        student_BCHW: regressed to the teacher's channels.
        teacher_BCHW: before its ReLU; no gradient reaches it.
        margin_C: at most 0.
    """
    student, margin = full(student_BCHW), full(margin_C)[:, None, None]
    target = torch.maximum(full(teacher_BCHW.detach()), margin)
    counts = (student > target) | (target > 0)
    return torch.where(counts, student - target, 0.0).square().sum() / len(student)


def channel_margins(mean_C: Float[Tensor, "channels"], std_C: Float[Tensor, "channels"]) -> Float[Tensor, "channels"]:
    """The mean of a normal distribution's part below 0, or -3 std where less than a thousandth is below.

    The bias and the scale (below 0, too) of a batch normalisation may stand for its mean and standard deviation.
    """
    std_C = std_C.abs().clamp_min(torch.finfo(std_C.dtype).tiny)
    share = torch.special.ndtr(-mean_C / std_C)
    density = torch.exp(-(mean_C / std_C).square() / 2.0) / math.sqrt(2.0 * math.pi)
    return torch.where(share > _LEAST_SHARE, mean_C - std_C * density / share, -3.0 * std_C)


@dataclass(frozen=True, kw_only=True)
class OFD:
    """The overhaul of feature distillation; see the file's docstring.

    Args:
        pairs: stages of student and teacher, counted from 0, that belong together, shallow to deep; empty takes
            all, one to one.
    """

    name: ClassVar[str] = "ofd"
    needs_teacher = True
    weight: float = searched(1e-3, FloatDistribution(1e-5, 1e-2, log=True))
    pairs: Pairs = ()

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")

    def check(self, shapes: Shapes) -> None:
        stage_pairs(self.pairs, shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _OFD(self, shapes, context).to(context.dataset.device)


class _OFD(Term):
    def __init__(self, spec: OFD, shapes: Shapes, context: BuildContext):
        super().__init__()
        self._context = context
        pairs = stage_pairs(spec.pairs, shapes)
        regressors = [_Regressor(shapes.student[own][0], shapes.teacher[other][0]) for own, other in pairs]
        self.regressors = nn.ModuleList(regressors)
        self._stages = tuple(zip(pairs, regressors, strict=True))

    def follow(self, checkpoint: int) -> None:
        moments = find_moments(self._context, checkpoint)
        for (_, other), regressor in self._stages:
            mean, std, least = moments[other]
            if bool((least >= 0.0).all()):
                self._context.say(f"ofd: stage {other} of the teacher is nowhere below 0, which leaves it no margin")
            regressor.margin.copy_(channel_margins(mean, std))

    def readings(self) -> tuple[Reading, ...]:
        return tuple(BeforeRelu(other) for (_, other), _ in self._stages)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        loss = torch.zeros((), device=batch.images.device)
        for (own, other), regressor in self._stages:
            regressed = regressor(as_map(student.before_relu[own]))
            mine, theirs = same_size(regressed, as_map(read(teacher, BeforeRelu(other))))
            loss = loss / 2.0 + ofd_loss(mine, theirs, regressor.margin)
        return loss


class _Regressor(nn.Sequential):
    """A 1x1 convolution with batch normalisation, and the margins of the channels that it is for."""

    margin: Tensor

    def __init__(self, before: int, width: int):
        convolution = nn.Conv2d(before, width, 1, bias=False)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        super().__init__(convolution, nn.BatchNorm2d(width))
        self.register_buffer("margin", torch.zeros(width), persistent=False)
