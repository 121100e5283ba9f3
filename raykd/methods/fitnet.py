"""FitNets' hints: a regressor of a student's stage meets the teacher's (Romero et al., ICLR 2015, arXiv 1412.6550).

    L = mean over images, channels and places of (r(f_s) - f_t)^2

As in the reference benchmark (RepDistiller): one hint, after the second stage, beside the labels from the first
step to the last; the regressor r is a convolution with batch normalisation and a ReLU, also where channels agree.
The convolution is 1x1; where the student's map is twice the teacher's size, 3x3 of stride 2; where it is half, a
transposed one of 4x4 and stride 2. For other sizes the larger map is averaged to the smaller's, where the benchmark
takes a convolution as wide as the difference, or has none. Left out: the paper's first stage, which trains up to
the hint without labels.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_stage, teacher_stage
from raykd.models.staged import Outputs
from raykd.ops.maps import as_map, bridging_convolution, same_size
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Features, Reading, read
from raykd.space.ranges import searched


def hint_loss(
    student_BCHW: Float[Tensor, "batch channels height width"], teacher_BCHW: Float[Tensor, "batch channels rows cols"]
) -> Float[Tensor, ""]:
    """The mean squared difference of two maps, the larger averaged to the smaller's size.

    No gradient reaches the teacher.
    """
    return F.mse_loss(*same_size(full(student_BCHW), full(teacher_BCHW.detach())))


@dataclass(frozen=True, kw_only=True)
class FitNet:
    """A hint; see the file's docstring.

    Args:
        stage: of both networks, counted from 0; -1 is the last.
        rectify: end the regressor with a ReLU, as the benchmark does; False for a teacher whose maps go below 0,
            such as a transformer's.
    """

    name: ClassVar[str] = "fitnet"
    needs_teacher = True
    weight: float = searched(100.0, FloatDistribution(1.0, 1000.0, log=True))
    stage: int = 1
    rectify: bool = True

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")

    def check(self, shapes: Shapes) -> None:
        check_stage(self.stage, shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _FitNet(self, shapes).to(context.dataset.device)


class _FitNet(Term):
    def __init__(self, spec: FitNet, shapes: Shapes):
        super().__init__()
        self._stage, self._reading = spec.stage, Features(teacher_stage(spec.stage, shapes))
        student, teacher = shapes.student[spec.stage], shapes.teacher[spec.stage]
        last = nn.ReLU() if spec.rectify else nn.Identity()
        self.regressor = nn.Sequential(bridging_convolution(student, teacher), nn.BatchNorm2d(teacher[0]), last)

    def readings(self) -> tuple[Reading, ...]:
        return (self._reading,)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        regressed = self.regressor(as_map(student.features[self._stage]))
        return hint_loss(regressed, as_map(read(teacher, self._reading)))
