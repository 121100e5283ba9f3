"""Teacher-free KD: a virtual teacher softens the labels (Yuan et al., CVPR 2020, arXiv 1909.11723).

    u(k) = a for the right class, (1 - a) / (C - 1) for each of the others
    L = KL(softmax(u / T) || softmax(z_s)), summed over classes, averaged over the batch

This is Tf-KD_reg, customarily of weight 0.1 beside a cross-entropy of weight 0.9. As in the authors' code, the virtual
teacher's probabilities take the place of logits in its softmax, the student's own are not softened, and there is no
factor T^2. That code averages over classes too and then multiplies: by 100 for ResNet18 on the 100 classes of
CIFAR-100, which is the sum.

Tf-KD_self needs no term of its own: the student's twin, trained alone, teaches it by KD. That is a recipe with
`KD()` and a `Teacher` of the student's model and of another seed, so that the two start from different weights.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.models.staged import Outputs
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.space.ranges import searched


def virtual_teacher_loss(
    logits: Float[Tensor, "batch classes"],
    targets: Int64[Tensor, "batch"],
    correct_probability: float,
    temperature: float,
) -> Float[Tensor, ""]:
    """KL(virtual teacher || student) in nats, averaged over the batch.

    Args:
        logits: the student's.
        correct_probability: a, what the virtual teacher gives to the right class.
        temperature: what its probabilities are divided by before its softmax.
    """
    student = F.log_softmax(full(logits), dim=1)
    others = (1 - correct_probability) / (logits.shape[1] - 1)
    certain = torch.full_like(student, others).scatter(1, targets[:, None], correct_probability)
    teacher = F.log_softmax(certain / temperature, dim=1)
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True)


@dataclass(frozen=True, kw_only=True)
class TeacherFree:
    """The softened answers of a virtual teacher as targets.

    Args:
        correct_probability: what it gives to the right class, above that of every other.
        temperature: what its probabilities are divided by before its softmax.
    """

    name: ClassVar[str] = "teacher_free"
    needs_teacher = False
    weight: float = searched(0.1, FloatDistribution(0.0, 1.0))
    correct_probability: float = searched(0.99, FloatDistribution(0.9, 0.999))
    temperature: float = searched(20.0, FloatDistribution(1.0, 40.0, log=True))

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        if not 0 < self.correct_probability < 1:
            raise InvalidError(f"correct_probability must be between 0 and 1, got {self.correct_probability}")
        if not self.temperature > 0:
            raise InvalidError(f"temperature must be above 0, got {self.temperature}")

    def check(self, shapes: Shapes) -> None:
        """As `TermSpec.check`: the right class must get more than the others."""
        if self.correct_probability * shapes.num_classes <= 1:
            raise InvalidError(
                f"correct_probability must be above 1/{shapes.num_classes}, what every class gets at random, "
                f"got {self.correct_probability}"
            )

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _TeacherFree(self)


class _TeacherFree(Term):
    def __init__(self, spec: TeacherFree):
        super().__init__()
        self._spec = spec

    def uses_logits(self) -> bool:
        return True

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        spec = self._spec
        return virtual_teacher_loss(student.logits, batch.targets, spec.correct_probability, spec.temperature)
