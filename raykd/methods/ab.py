"""AB: the student's neurons fire where the teacher's do (Heo et al., AAAI 2019, arXiv 1811.03233).

A start: the student's stages first learn on which side of 0 the teacher's neurons lie before their activation t,
with a margin m; training on the recipe's terms follows. For a neuron s of the student's,

    l(s, t) = (s + m)^2 where t <= 0 and s > -m;   (s - m)^2 where t > 0 and s <= m;   otherwise 0
    L_stage = 0.003 sum over channels and places of l, averaged over images;   L = sum over stages of 2^(k - K) L_k

for stages k = 1..K. As in the reference benchmark (RepDistiller) and the authors' code: m = 1, 30 epochs (whose rate
is there that of the student's training, 0.05 or 0.01), the stages' weights, and maps from before the ReLU that ends a
stage. Where shapes differ, a connector of one convolution (FitNets') with batch normalisation stands between, and is
dropped afterwards; for sizes that it does not bridge the larger map is averaged to the smaller's, where the benchmark
takes a wider kernel or has none.

A stage that ends without a ReLU has its boundary at 0 of what it puts out; of a wide residual network's sums the
benchmark takes the next block's normalisation instead. Where a ReLU hides inside of a stage's last block (see
`raykd.models.staged`), the teacher's boundary is the same nonetheless, while the student cannot be led below 0 but
through a connector.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raykd.errors import InvalidError
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.common.stages import Pairs, stage_pairs
from raykd.methods.common.warm_start import Trunk, warm_start
from raykd.models.staged import Shape, Staged
from raykd.ops.maps import as_map, bridging_convolution, same_size
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Shapes
from raykd.protocols.model import ModelSpec
from raykd.space.ranges import fixed

_SCALE = 3e-3


def ab_loss(
    student_BCHW: Float[Tensor, "batch channels height width"],
    teacher_BCHW: Float[Tensor, "batch channels height width"],
    margin: float = 1.0,
) -> Float[Tensor, ""]:
    """A stage's loss: 0.003 times the squared distances to the right side's margin, summed over an image's neurons.

    Args:
        student_BCHW: before any activation.
        teacher_BCHW: before or after a ReLU, which are above 0 at the same places; no gradient reaches it.
        margin: how far from 0 a neuron must lie on the right side to cost nothing.
    """
    student, fires = full(student_BCHW), teacher_BCHW > 0
    short_of_margin = torch.where(fires, margin - student, student + margin).clamp_min(0.0)
    return _SCALE * short_of_margin.square().sum() / len(student)


@dataclass(frozen=True, kw_only=True)
class AB:
    """A start with the teacher's activation boundaries; see the file's docstring.

    Args:
        margin: m, above 0.
        pairs: stages of student and teacher, counted from 0, that belong together; empty takes all, one to one.
        first_stage: its length and its steps. A search leaves it alone, so that all trials share one.
    """

    needs_teacher = True
    margin: float = 1.0
    pairs: Pairs = ()
    first_stage: FirstStage = fixed(FirstStage())

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise InvalidError(f"margin must be above 0, got {self.margin}")

    def check(self, shapes: Shapes) -> None:
        stage_pairs(self.pairs, shapes)
        self.first_stage.check(shapes)

    def begin(self, student: Staged, model: ModelSpec, seed: int, shapes: Shapes, context: BuildContext) -> None:
        def loss() -> nn.Module:
            return _Boundaries(self, shapes)

        warm_start(student, loss, self.first_stage, start=self, model=model, seed=seed, context=context)


class _Boundaries(nn.Module):
    def __init__(self, spec: AB, shapes: Shapes):
        super().__init__()
        self._margin, self._pairs = spec.margin, stage_pairs(spec.pairs, shapes)
        self.connectors = nn.ModuleList(
            _connector(shapes.student[own], shapes.teacher[other]) for own, other in self._pairs
        )

    def forward(self, student: Trunk, teacher: Trunk) -> Float[Tensor, ""]:
        losses: list[Tensor] = []
        pairs = zip(self._pairs, self.connectors, strict=True)
        for later, ((own, other), connector) in enumerate(reversed(list(pairs))):
            mine, theirs = as_map(student.before_relu[own]), as_map(teacher.before_relu[other])
            mine, theirs = same_size(connector(mine), theirs)
            losses.append(2.0**-later * ab_loss(mine, theirs, self._margin))
        return torch.stack(losses).sum()


def _connector(student: Shape, teacher: Shape) -> nn.Module:
    if student == teacher:
        return nn.Identity()
    return nn.Sequential(bridging_convolution(student, teacher), nn.BatchNorm2d(teacher[0]))
