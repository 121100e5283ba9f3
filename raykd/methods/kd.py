"""KD: the student matches the teacher's softened class probabilities (Hinton et al., 2015, arXiv 1503.02531).

    L = T^2 KL(softmax(z_t / T) || softmax(z_s / T)), summed over classes, averaged over the batch

The factor T^2 keeps the gradient's size as T changes. The customary loss beside it is a cross-entropy of
weight 1 - weight, or of weight 1, as in the reference benchmark with KD's weight 0.9.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.nn import functional as F

from raykd.methods import Batch, Clock, Shapes, Sources, Term
from raykd.search import searched
from raykd.staged import Outputs
from raykd.vectors import full


def kd_loss(
    student_logits: Float[Tensor, "batch classes"], teacher_logits: Float[Tensor, "batch classes"], temperature: float
) -> Float[Tensor, ""]:
    """T^2 KL(teacher || student) in nats, averaged over the batch; no gradient reaches the teacher."""
    student = F.log_softmax(full(student_logits) / temperature, dim=1)
    teacher = F.log_softmax(full(teacher_logits.detach()) / temperature, dim=1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean", log_target=True)


@dataclass(frozen=True, kw_only=True)
class KD:
    """The teacher's softened class probabilities as targets.

    Args:
        temperature: what logits are divided by before the softmax.
    """

    name: ClassVar[str] = "kd"
    needs_teacher: ClassVar[bool] = True
    weight: float = searched(0.9, FloatDistribution(0.0, 2.0))
    temperature: float = searched(4.0, FloatDistribution(1.0, 20.0, log=True))

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise ValueError(f"weight must be at least 0, got {self.weight}")
        if not self.temperature > 0:
            raise ValueError(f"temperature must be above 0, got {self.temperature}")

    def check(self, shapes: Shapes) -> None:
        pass

    def build(self, shapes: Shapes, sources: Sources) -> Term:
        return _KD(self.temperature)


class _KD(Term):
    def __init__(self, temperature: float):
        super().__init__()
        self._temperature = temperature

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        return kd_loss(student.logits, teacher.logits, self._temperature)
