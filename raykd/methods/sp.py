"""SP: images that are alike for the teacher are alike for the student (Tung and Mori, ICCV 2019, arXiv 1907.09682).

A stage's maps F, flattened to one row an image, give the similarities of a batch of N, each row a direction:

    G = F F',   L = sum over i, j of (G_s[i, j] / |G_s[i]| - G_t[i, j] / |G_t[i]|)^2 / N^2

As in the reference benchmark (RepDistiller): the last stage alone, its weight 3000 for batches of 64; the loss
falls as N grows. Channels and sizes of the maps may differ.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.distributed.gather import whole_batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_stage, teacher_stage
from raykd.models.staged import Outputs
from raykd.ops.vectors import directions, products
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Features, Reading, read
from raykd.space.ranges import searched


def similarity_loss(
    student_BCHW: Float[Tensor, "batch *student"], teacher_BCHW: Float[Tensor, "batch *teacher"]
) -> Float[Tensor, ""]:
    """The mean squared difference of two stages' similarities; no gradient reaches the teacher.

    Args:
        student_BCHW, teacher_BCHW: maps, or anything else with one entry an image. An image without any
            activation is like no other: its row is 0.
    """
    return F.mse_loss(_similarities(student_BCHW), _similarities(teacher_BCHW.detach()))


@dataclass(frozen=True, kw_only=True)
class SP:
    """Similarity-preserving distillation; see the file's docstring.

    Args:
        stage: of both networks, counted from 0; -1 is the last.
        gather: compare the images of all processes with each other, as one process with the whole batch would;
            False compares only those of a process's own share, which changes the loss with their number.
    """

    name: ClassVar[str] = "sp"
    needs_teacher = True
    weight: float = searched(3000.0, FloatDistribution(30.0, 30000.0, log=True))
    stage: int = -1
    gather: bool = True

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")

    def check(self, shapes: Shapes) -> None:
        check_stage(self.stage, shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _SP(self, Features(teacher_stage(self.stage, shapes)))


class _SP(Term):
    def __init__(self, spec: SP, reading: Features):
        super().__init__()
        self._spec, self._reading = spec, reading

    def readings(self) -> tuple[Reading, ...]:
        return (self._reading,)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        features = student.features[self._spec.stage], read(teacher, self._reading)
        own, other = (whole_batch(maps.flatten(1), self._spec.gather) for maps in features)
        return similarity_loss(own, other)


def _similarities(features: Float[Tensor, "n *rest"]) -> Float[Tensor, "n n"]:
    rows = features.flatten(1)
    return directions(products(rows, rows), 1e-12)
