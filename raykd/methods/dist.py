"""DIST: the student keeps the teacher's relations, not its probabilities (Huang et al., 2022, arXiv 2205.10536).

Pearson's correlation r ignores shift and scale, which a strong teacher's probabilities differ in. With P the
softened probabilities of a batch, one row an image,

    between = 1 - mean over images i of r(P_s[i, :], P_t[i, :])
    within = 1 - mean over classes j of r(P_s[:, j], P_t[:, j])
    L = T^2 (beta between + gamma within)

the relations between the classes of an image, and between the images within a class. As in the authors' code, 1e-8
is added to the product of lengths in r, which pulls the correlation of classes that hardly occur towards 0. Published
beside a cross-entropy of weight 1: beta = gamma = 2 (here the weight 2), with T = 4 for CIFAR-100 and T = 1 for
ImageNet.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor

from raykd.data.dataset import Batch
from raykd.distributed.gather import whole_batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_class_scores
from raykd.models.staged import Outputs
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import LOGITS, Reading, read
from raykd.space.ranges import searched


def dist_loss(
    student_logits: Float[Tensor, "batch classes"],
    teacher_logits: Float[Tensor, "batch classes"],
    beta: float = 1.0,
    gamma: float = 1.0,
    temperature: float = 1.0,
) -> Float[Tensor, ""]:
    """The weighted sum of both relations' losses; no gradient reaches the teacher.

    What does not vary has no correlation: it counts as 0 and passes no gradient. So does, with one image alone, each
    of its classes.
    """
    student, teacher = ((full(logits) / temperature).softmax(dim=1) for logits in (student_logits, teacher_logits))
    teacher = teacher.detach()
    between = 1.0 - _correlations(student, teacher).mean()
    within = 1.0 - _correlations(student.T, teacher.T).mean()
    return temperature**2 * (beta * between + gamma * within)


@dataclass(frozen=True, kw_only=True)
class DIST:
    """Distillation of relations; see the file's docstring.

    Args:
        beta: the weight of the relations between classes; the search varies `gamma` and the weight of the sum.
        gamma: the weight of the relations within classes.
        temperature: what logits are divided by before the softmax.
        gather: relate the images of all processes with each other, as one process with the whole batch would;
            False relates only those of a process's own share, which changes the loss with their number.
    """

    name: ClassVar[str] = "dist"
    needs_teacher = True
    weight: float = searched(2.0, FloatDistribution(0.1, 10.0, log=True))
    beta: float = 1.0
    gamma: float = searched(1.0, FloatDistribution(0.1, 4.0, log=True))
    temperature: float = searched(4.0, FloatDistribution(1.0, 20.0, log=True))
    gather: bool = True

    def __post_init__(self) -> None:
        for name in ("weight", "beta", "gamma"):
            if not getattr(self, name) >= 0:
                raise InvalidError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not self.temperature > 0:
            raise InvalidError(f"temperature must be above 0, got {self.temperature}")

    def check(self, shapes: Shapes) -> None:
        check_class_scores(shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _DIST(self)


class _DIST(Term):
    def __init__(self, spec: DIST):
        super().__init__()
        self._spec = spec

    def readings(self) -> tuple[Reading, ...]:
        return (LOGITS,)

    def uses_logits(self) -> bool:
        return True

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        spec = self._spec
        own, other = (whole_batch(logits, spec.gather) for logits in (student.logits, read(teacher, LOGITS)))
        return dist_loss(own, other, spec.beta, spec.gamma, spec.temperature)


def _correlations(left: Float[Tensor, "n d"], right: Float[Tensor, "n d"]) -> Float[Tensor, "n"]:
    """Pearson's correlation of each row of the one with the same row of the other."""
    (left, own), (right, other) = _centred(left), _centred(right)
    return (left * right).sum(dim=1) / (own * other + 1e-8)


def _centred(rows: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n"]]:
    """Each row less its mean, and its length then.

    What rounding leaves of a row of equal numbers becomes 0: the correlation's slope there is up to 1e8.
    """
    centred = rows - rows.mean(dim=1, keepdim=True)
    squares, noise = centred.square().sum(dim=1), 32.0 * torch.finfo(rows.dtype).eps
    alive = squares > noise**2 * rows.detach().square().sum(dim=1)
    lengths = torch.where(alive, torch.where(alive, squares, 1.0).sqrt(), 0.0)
    return torch.where(alive[:, None], centred, 0.0), lengths
