"""Cross-entropy with the labels: the term of a student that learns alone."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.models.staged import Outputs
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.space.ranges import searched


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """The mean cross-entropy of a batch in nats."""

    name: ClassVar[str] = "cross_entropy"
    needs_teacher = False
    weight: float = searched(1.0, FloatDistribution(0.05, 1.0))

    def check(self, shapes: Shapes) -> None:
        pass

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _CrossEntropy()


class _CrossEntropy(Term):
    def uses_logits(self) -> bool:
        return True

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        return F.cross_entropy(full(student.logits), batch.targets)
