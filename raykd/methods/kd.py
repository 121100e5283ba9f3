"""KD: the student matches the teacher's softened class probabilities (Hinton et al., 2015, arXiv 1503.02531).

    L = T^2 KL(softmax(z_t / T) || softmax(z_s / T)), summed over classes, averaged over the batch

The factor T^2 keeps the gradient's size as T changes. The customary loss beside it is a cross-entropy of
weight 1 - weight, as in the reference benchmark with KD's weight 0.9, or of weight 1.

`standardise` takes from each image's logits, the student's as the teacher's, their mean, and divides them by their
deviation (Sun et al., CVPR 2024, arXiv 2403.01427): the student may then differ from the teacher in shift and scale.
Published with T = 2 and KD's weight 9, beside a cross-entropy of weight 0.1. `raykd.methods.ctkd` is KD at a learnable
temperature.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_class_scores
from raykd.models.staged import Outputs
from raykd.ops.vectors import directions, full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import LOGITS, Reading, read
from raykd.space.ranges import searched


def kd_loss(
    student_logits: Float[Tensor, "batch classes"],
    teacher_logits: Float[Tensor, "batch classes"],
    temperature: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """T^2 KL(teacher || student) in nats, averaged over the batch; no gradient reaches the teacher's logits."""
    student = F.log_softmax(full(student_logits) / temperature, dim=1)
    teacher = F.log_softmax(full(teacher_logits.detach()) / temperature, dim=1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean", log_target=True)


def standardised(logits: Float[Tensor, "batch classes"]) -> Float[Tensor, "batch classes"]:
    """Each image's logits less their mean, divided by their deviation (of N - 1 classes) plus 1e-7.

    Logits that are all equal stay 0 and pass no gradient.
    """
    logits = full(logits)
    centred = logits - logits.mean(dim=1, keepdim=True)
    scale = max(logits.shape[1] - 1, 1) ** 0.5  # the deviation is the length divided by it
    return scale * directions(centred, 1e-7 * scale)


@dataclass(frozen=True, kw_only=True)
class KD:
    """The teacher's softened class probabilities as targets.

    Args:
        temperature: what logits are divided by before the softmax.
        standardise: bring each image's logits to mean 0 and deviation 1 first; see the file's docstring.
    """

    name: ClassVar[str] = "kd"
    needs_teacher = True
    weight: float = searched(0.9, FloatDistribution(0.1, 20.0, log=True))  # standardised, 9 is published
    temperature: float = searched(4.0, FloatDistribution(1.0, 20.0, log=True))
    standardise: bool = False

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        if not self.temperature > 0:
            raise InvalidError(f"temperature must be above 0, got {self.temperature}")

    def check(self, shapes: Shapes) -> None:
        check_class_scores(shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _KD(self)


class _KD(Term):
    def __init__(self, spec: KD):
        super().__init__()
        self._spec = spec

    def readings(self) -> tuple[Reading, ...]:
        return (LOGITS,)

    def uses_logits(self) -> bool:
        return True

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        own, other = student.logits, read(teacher, LOGITS)
        if self._spec.standardise:
            own, other = standardised(own), standardised(other)
        return kd_loss(own, other, self._spec.temperature)
