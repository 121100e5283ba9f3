"""CTKD: KD at a temperature that learns to make the task hard (Li et al., AAAI 2023, arXiv 2211.16231).

One parameter theta for all images gives the temperature of KD, and is trained against the student:

    T = lowest + span sigmoid(theta),   dL/dtheta times -s,   s = (1 - cos(pi min(e / n, 1))) / 2 in epoch e = 1, 2, ...

with n the first 10 of 240 epochs, so that the student has the task to itself at the beginning. As in the authors'
code: theta begins at 1 (T = 15.6), T is between 1 and 21, the factor T^2 of KD takes part in theta's gradient, and
theta is trained by the student's optimiser, weight decay included. Left out: a temperature for each image.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor, nn

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_class_scores
from raykd.methods.dkd import ramp
from raykd.methods.kd import kd_loss
from raykd.models.staged import Outputs
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import LOGITS, Reading, read
from raykd.space.ranges import searched


def reversal(epoch: int, epochs: int, share: float) -> float:
    """How strongly the temperature works against the student in an epoch, counted from 0: up to 1 by a cosine."""
    return 0.5 * (1.0 - math.cos(math.pi * ramp(epoch, epochs, share)))


def reversed_gradient(value: Float[Tensor, ""], strength: float) -> Float[Tensor, ""]:
    """The same value, whose gradient is multiplied by -strength on its way back."""
    fixed = value.detach()
    return fixed - strength * (value - fixed)


@dataclass(frozen=True, kw_only=True)
class CTKD:
    """KD at a learnable temperature; see the file's docstring.

    Args:
        lowest: the lower bound of the temperature.
        span: how far above it the upper bound is.
        warm_up: the share of the run after which the temperature's gradient has its full strength.
    """

    name: ClassVar[str] = "ctkd"
    needs_teacher = True
    weight: float = searched(0.9, FloatDistribution(0.0, 2.0))
    lowest: float = 1.0
    span: float = searched(20.0, FloatDistribution(2.0, 40.0, log=True))
    warm_up: float = 10 / 240

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        for name in ("lowest", "span"):
            if not getattr(self, name) > 0:
                raise InvalidError(f"{name} must be above 0, got {getattr(self, name)}")
        if not 0.0 <= self.warm_up <= 1.0:
            raise InvalidError(f"warm_up must be within 0 and 1, got {self.warm_up}")

    def check(self, shapes: Shapes) -> None:
        check_class_scores(shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _CTKD(self).to(context.dataset.device)


class _CTKD(Term):
    def __init__(self, spec: CTKD):
        super().__init__()
        self._spec = spec
        self.theta = nn.Parameter(torch.tensor(1.0))

    def readings(self) -> tuple[Reading, ...]:
        return (LOGITS,)

    def uses_logits(self) -> bool:
        return True

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        spec = self._spec
        theta = reversed_gradient(self.theta, reversal(clock.epoch, clock.epochs, spec.warm_up))
        return kd_loss(student.logits, read(teacher, LOGITS), spec.lowest + spec.span * torch.sigmoid(theta))
