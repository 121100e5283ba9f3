"""CC: correlation congruence (Peng et al., ICCV 2019, arXiv 1904.01802), in the reference benchmark's form.

The pooled last stages are embedded linearly, the student's and the teacher's each by a layer of its own that is
trained; with d_n = |e_s(n) - e_t(n)|, element by element, for the n-th image of a batch,

    L = mean over neighbouring images n, n + 1 of the batch of d_n . d_(n+1)

That is what the benchmark (RepDistiller) has from the paper's author, and what its published figures and its weight
of 0.02 belong to. Left out: the paper's own loss, the squared difference of two kernel matrices, and its samplers.
Nothing holds the teacher's embedding in place: as in the benchmark, it may shrink. Neighbours are those of a
process's own share: the mean over processes lacks no pairs but those across their borders.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor, nn

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_features, teacher_stage
from raykd.models.staged import Outputs
from raykd.ops.maps import pooled
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Pooled, Reading, read
from raykd.space.ranges import searched


def correlation_loss(student_ND: Float[Tensor, "n d"], teacher_ND: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """The mean product of neighbouring images' absolute differences, summed over the embedding.

    The gradient reaches both, since the teacher's embedding is trained. One image alone has no neighbour: 0.
    """
    differences = (full(student_ND) - full(teacher_ND)).abs()
    return (differences[:-1] * differences[1:]).sum() / max(len(differences) - 1, 1)


@dataclass(frozen=True, kw_only=True)
class CC:
    """Correlation congruence; see the file's docstring.

    Args:
        size: of the embeddings.
    """

    name: ClassVar[str] = "cc"
    needs_teacher = True
    weight: float = searched(0.02, FloatDistribution(1e-3, 1.0, log=True))
    size: int = 128

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        if self.size < 1:
            raise InvalidError(f"size must be at least 1, got {self.size}")

    def check(self, shapes: Shapes) -> None:
        check_features(shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _CC(self.size, shapes).to(context.dataset.device)


class _CC(Term):
    def __init__(self, size: int, shapes: Shapes):
        super().__init__()
        self._reading = Pooled(teacher_stage(-1, shapes))
        self.student = nn.Linear(shapes.student[-1][0], size)
        self.teacher = nn.Linear(shapes.teacher[-1][0], size)

    def readings(self) -> tuple[Reading, ...]:
        return (self._reading,)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        own, other = pooled(student.features[-1]), read(teacher, self._reading).detach()
        return correlation_loss(self.student(own), self.teacher(other))
