"""PKT: the last stage arranges a batch as the teacher's does (Passalis and Tefas, ECCV 2018, arXiv 1803.10837).

    p_ij = K(x_i, x_j) / sum_j K(x_i, x_j),   K = (1 + cos) / 2,   L = mean over i, j of p log(p / q)

with p the teacher's and q the student's. This is the information-flow loss of `raykd.methods.infoflow` with kernel
`cosine` and divergence `kl`, for the pooled last stage alone. As in the authors' code and in the reference benchmark
(RepDistiller), the diagonal counts and the mean is over N x N entries: the loss falls with N, and the weight of
30000 is for batches of 64.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor

from raykd.data.dataset import Batch
from raykd.distributed.gather import whole_batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_features, teacher_stage
from raykd.methods.infoflow import transfer_loss
from raykd.models.staged import Outputs
from raykd.ops.maps import pooled
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Pooled, Reading, read
from raykd.space.ranges import searched


def pkt_loss(student_ND: Float[Tensor, "n d"], teacher_ND: Float[Tensor, "n c"]) -> Float[Tensor, ""]:
    """The divergence of the student's neighbour probabilities from the teacher's, averaged over N x N entries.

    No gradient reaches the teacher.
    """
    return transfer_loss(student_ND, teacher_ND, kernel="cosine", divergence="kl")


@dataclass(frozen=True, kw_only=True)
class PKT:
    """Probabilistic knowledge transfer; see the file's docstring.

    Args:
        gather: compare the images of all processes with each other, as one process with the whole batch would;
            False compares only those of a process's own share, which changes the loss with their number.
    """

    name: ClassVar[str] = "pkt"
    needs_teacher = True
    weight: float = searched(30000.0, FloatDistribution(300.0, 300000.0, log=True))
    gather: bool = True

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")

    def check(self, shapes: Shapes) -> None:
        check_features(shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _PKT(self.gather, Pooled(teacher_stage(-1, shapes)))


class _PKT(Term):
    def __init__(self, gather: bool, reading: Pooled):
        super().__init__()
        self._gather, self._reading = gather, reading

    def readings(self) -> tuple[Reading, ...]:
        return (self._reading,)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        features = pooled(student.features[-1]), read(teacher, self._reading)
        own, other = (whole_batch(vectors, self._gather) for vectors in features)
        return pkt_loss(own, other)
