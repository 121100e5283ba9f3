"""DKD: what the teacher says of the true class, and of the others (Zhao et al., CVPR 2022, arXiv 2203.08679).

KD is the sum of two parts that hinder each other, the second being weighted by how unsure the teacher is;
decoupled, each has a weight of its own. With p and q the softened probabilities of teacher and student, y the label,

    TCKD = KL of (p_y, 1 - p_y) from (q_y, 1 - q_y)
    NCKD = KL of p from q among the classes other than y, each renormalised
    L = T^2 (alpha TCKD + beta NCKD), averaged over the batch;   KD is alpha = 1, beta = 1 - p_y

The published runs ramp the loss up over the first 20 of 240 epochs, with T = 4, alpha = 1, a cross-entropy of
weight 1 beside it, and beta by pair: 8 (resnet32x4 and ResNet50 teachers; WRN-40-2 with ShuffleNetV1), 6 (VGG13,
WRN-40-2), 2 (resnet56, resnet110).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from optuna.distributions import FloatDistribution
from torch import Tensor

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_class_scores
from raykd.methods.kd import kd_loss
from raykd.models.staged import Outputs
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import LOGITS, Reading, read
from raykd.space.ranges import searched


def dkd_loss(
    student_logits: Float[Tensor, "batch classes"],
    teacher_logits: Float[Tensor, "batch classes"],
    targets: Int64[Tensor, "batch"],
    alpha: float,
    beta: float,
    temperature: float,
) -> Float[Tensor, ""]:
    """T^2 (alpha TCKD + beta NCKD) in nats, averaged over the batch; no gradient reaches the teacher."""
    student, teacher = (_split(full(logits), targets) for logits in (student_logits, teacher_logits))
    others = kd_loss(student[1], teacher[1], temperature)
    binary = kd_loss(_binary(*student, temperature), _binary(*teacher, temperature), temperature)
    return alpha * binary + beta * others


def ramp(epoch: int, epochs: int, share: float) -> float:
    """The factor of the loss in an epoch, counted from 0: 1/n, 2/n, ... 1 over the first n = share x epochs."""
    return min((epoch + 1) / (share * epochs), 1.0) if share > 0 else 1.0


@dataclass(frozen=True, kw_only=True)
class DKD:
    """Decoupled distillation; see the file's docstring.

    Args:
        alpha: the weight of the true class's part; the search varies `beta` and the weight of the sum.
        beta: the weight of the other classes' part.
        temperature: what logits are divided by before the softmax.
        warm_up: the share of the run over which the loss is ramped up.
    """

    name: ClassVar[str] = "dkd"
    needs_teacher = True
    weight: float = searched(1.0, FloatDistribution(0.1, 4.0, log=True))
    alpha: float = 1.0
    beta: float = searched(8.0, FloatDistribution(0.5, 16.0, log=True))
    temperature: float = searched(4.0, FloatDistribution(1.0, 20.0, log=True))
    warm_up: float = 20 / 240

    def __post_init__(self) -> None:
        for name in ("weight", "alpha", "beta"):
            if not getattr(self, name) >= 0:
                raise InvalidError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not self.temperature > 0:
            raise InvalidError(f"temperature must be above 0, got {self.temperature}")
        if not 0.0 <= self.warm_up <= 1.0:
            raise InvalidError(f"warm_up must be within 0 and 1, got {self.warm_up}")

    def check(self, shapes: Shapes) -> None:
        check_class_scores(shapes)
        if shapes.num_classes < 2:
            raise InvalidError(f"needs at least 2 classes, got {shapes.num_classes}")

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _DKD(self)


class _DKD(Term):
    def __init__(self, spec: DKD):
        super().__init__()
        self._spec = spec

    def readings(self) -> tuple[Reading, ...]:
        return (LOGITS,)

    def uses_logits(self) -> bool:
        return True

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        spec = self._spec
        loss = dkd_loss(student.logits, read(teacher, LOGITS), batch.targets, spec.alpha, spec.beta, spec.temperature)
        return ramp(clock.epoch, clock.epochs, spec.warm_up) * loss


def _split(
    logits: Float[Tensor, "batch classes"], targets: Int64[Tensor, "batch"]
) -> tuple[Float[Tensor, "batch 1"], Float[Tensor, "batch others"]]:
    """The true class's logit, and the others' in their order."""
    column = torch.arange(logits.shape[1] - 1, device=logits.device)
    others = column + (column >= targets[:, None])
    return logits.gather(1, targets[:, None]), logits.gather(1, others)


def _binary(
    true: Float[Tensor, "batch 1"], others: Float[Tensor, "batch others"], temperature: float
) -> Float[Tensor, "batch 2"]:
    """Two logits whose softened probabilities are those of the true class and of all others together."""
    return torch.cat([true, temperature * torch.logsumexp(others / temperature, dim=1, keepdim=True)], dim=1)
