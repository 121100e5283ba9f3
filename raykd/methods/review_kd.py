"""ReviewKD: each stage of the teacher teaches the student's later ones too (Chen et al., CVPR 2021, arXiv 2104.09044).

From the pooled last stage back to the first, each of the student's stages is fused with what was fused after it, and
the fusion is regressed to the teacher's map of the same depth:

    x_i = student's stage i, by a 1x1 convolution;   y = fusion of stage i + 1, enlarged;   fusion_i = a x_i + b y
    L = sum over i of HCL(3x3 convolution of fusion_i, teacher's stage i)

with a and b between 0 and 1 for each place, from a convolution over x and y; all other convolutions have batch
normalisation. HCL is the mean squared difference of the maps, and of both averaged to 4, 2 and 1 places a side, as far
as these are fewer, weighted 1, 1/2, 1/4, 1/8 in this order and divided by the weights' sum.

As in the authors' code: the pooled last stage is a level of its own, the teacher's maps are those before their ReLU
and the student's those after, and fusions have as many channels as the pooled one, at most 512. Weights are 5 for most
pairs, 8 for resnet32x4 with ShuffleNetV2, 1 for resnet110 with resnet32, 0.6 for resnet56 with resnet20. Over the
first 20 of 240 epochs the loss is ramped up, here and in mdistiller from 1/20 in the first epoch to 1 in the
twentieth; the authors count epochs from 0, so that theirs goes from 0 in the first epoch to 1 in the twenty-first.
The teacher's maps are `Outputs.before_relu`, which for a wide residual network's first stages is the blocks' sum,
where the code takes it through the next normalisation.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import Pairs, stage_pairs, teacher_stage
from raykd.methods.dkd import ramp
from raykd.models.staged import Outputs
from raykd.ops.maps import as_map, averaged, map_size, pooled
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import BeforeRelu, Pooled, Reading, read
from raykd.space.ranges import searched

_LEVELS = (4, 2, 1)  # places a side


def hcl_loss(
    student_BCHW: Float[Tensor, "batch channels height width"],
    teacher_BCHW: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, ""]:
    """The hierarchical context loss of one pair of maps; no gradient reaches the teacher."""
    student, teacher = full(student_BCHW), full(teacher_BCHW.detach())
    loss, weight, total = F.mse_loss(student, teacher), 1.0, 1.0
    for level in _LEVELS:
        if level < min(student.shape[2:]):
            weight /= 2.0
            total += weight
            size = (level, level)
            loss = loss + weight * F.mse_loss(averaged(student, size), averaged(teacher, size))
    return loss / total


@dataclass(frozen=True, kw_only=True)
class ReviewKD:
    """Distillation by review; see the file's docstring.

    Args:
        pairs: stages of student and teacher, counted from 0, that belong together, shallow to deep; empty takes
            all, one to one. The pooled last stages always follow.
        warm_up: the share of the run over which the loss is ramped up.
        max_channels: of a fusion.
    """

    name: ClassVar[str] = "review_kd"
    needs_teacher = True
    weight: float = searched(5.0, FloatDistribution(0.1, 20.0, log=True))
    pairs: Pairs = ()
    warm_up: float = 20 / 240
    max_channels: int = 512

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        if not 0.0 <= self.warm_up <= 1.0:
            raise InvalidError(f"warm_up must be within 0 and 1, got {self.warm_up}")
        if self.max_channels < 1:
            raise InvalidError(f"max_channels must be at least 1, got {self.max_channels}")

    def check(self, shapes: Shapes) -> None:
        stage_pairs(self.pairs, shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _ReviewKD(self, shapes).to(context.dataset.device)


class _ReviewKD(Term):
    def __init__(self, spec: ReviewKD, shapes: Shapes):
        super().__init__()
        self._pairs, self._warm_up = stage_pairs(spec.pairs, shapes), spec.warm_up
        last = Pooled(teacher_stage(-1, shapes))
        self._readings = (*(BeforeRelu(other) for _, other in self._pairs), last)
        student = [shapes.student[own] for own, _ in self._pairs] + [shapes.student[-1][:1]]
        teacher = [shapes.teacher[other] for _, other in self._pairs] + [shapes.teacher[-1][:1]]
        channels, last = min(student[-1][0], spec.max_channels), len(student) - 1
        self.fusions = nn.ModuleList(
            _Fusion(own[0], channels, other[0], map_size(other), fuses=level < last)
            for level, (own, other) in enumerate(zip(student, teacher, strict=True))
        )

    def readings(self) -> tuple[Reading, ...]:
        return self._readings

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        own = [*(student.features[index] for index, _ in self._pairs), pooled(student.features[-1])]
        other = [read(teacher, reading) for reading in self._readings]
        losses: list[Tensor] = []
        fused: Tensor | None = None
        for fusion, mine, theirs in reversed(list(zip(self.fusions, own, other, strict=True))):
            regressed, fused = fusion(as_map(mine), fused)
            losses.append(hcl_loss(regressed, as_map(theirs)))
        return ramp(clock.epoch, clock.epochs, self._warm_up) * torch.stack(losses).sum()


class _Fusion(nn.Module):
    """A stage's map fused with what was fused after it, and regressed to the teacher's.

    Args:
        before, channels, width: of the student's stage, of the fusion and of the teacher's stage.
        size: height and width of the teacher's map, which the fusion is brought to by its nearest places.
        fuses: whether anything was fused before.
    """

    def __init__(self, before: int, channels: int, width: int, size: tuple[int, int], *, fuses: bool):
        super().__init__()
        self._size = size
        self.narrow = _convolution(before, channels, 1)
        self.regress = _convolution(channels, width, 3)
        self.share = nn.Sequential(nn.Conv2d(2 * channels, 2, 1), nn.Sigmoid()) if fuses else None

    def forward(
        self, own: Float[Tensor, "batch before height width"], fused: Float[Tensor, "batch channels h w"] | None
    ) -> tuple[Float[Tensor, "batch others rows columns"], Float[Tensor, "batch channels rows columns"]]:
        hidden = self.narrow(own)
        if self.share is not None:
            assert fused is not None
            fused = F.interpolate(fused, hidden.shape[2:])
            shares = self.share(torch.cat([hidden, fused], dim=1))
            hidden = hidden * shares[:, :1] + fused * shares[:, 1:]
        if hidden.shape[2:] != self._size:
            hidden = F.interpolate(hidden, self._size)
        return self.regress(hidden), hidden


def _convolution(before: int, after: int, size: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, size, padding=size // 2, bias=False)
    nn.init.kaiming_uniform_(convolution.weight, a=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))
