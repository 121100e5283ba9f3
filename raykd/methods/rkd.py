"""RKD: the student keeps the distances and angles between images (Park et al., CVPR 2019, arXiv 1904.05068).

For pairs and triplets of a batch's embeddings e, with h the Huber loss of threshold 1,

    D_ij  = |e_i - e_j| / (mean distance over pairs)         L_distance = mean over i, j of h(D_s - D_t)
    A_ijk = cosine of the angle at e_k between e_i and e_j   L_angle = mean over i, j, k of h(A_s - A_t)
    L = distance_weight L_distance + angle_weight L_angle

As in the reference benchmark (RepDistiller): the pooled last stage, means over all N^2 pairs and N^3 triplets, an
image with itself included (such entries are 0), 25 and 50 as weights. Memory grows with N^3.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from torch import Tensor
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.distributed.gather import whole_batch
from raykd.errors import InvalidError
from raykd.methods.common.stages import check_features, teacher_stage
from raykd.models.staged import Outputs
from raykd.ops.maps import pooled
from raykd.ops.vectors import directions, full, squared_distances
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Pooled, Reading, read
from raykd.space.ranges import searched


def rkd_loss(
    student_ND: Float[Tensor, "n d"],
    teacher_ND: Float[Tensor, "n c"],
    distance_weight: float = 25.0,
    angle_weight: float = 50.0,
) -> Float[Tensor, ""]:
    """The weighted sum of the distance and the angle loss; no gradient reaches the teacher.

    Equal images are at distance 0, and an angle with one of them is taken as a right one; both without a gradient.
    """
    teacher_ND = teacher_ND.detach()
    distance = F.smooth_l1_loss(_distances(student_ND), _distances(teacher_ND))
    angle = F.smooth_l1_loss(_angles(student_ND), _angles(teacher_ND))
    return distance_weight * distance + angle_weight * angle


@dataclass(frozen=True, kw_only=True)
class RKD:
    """Relational distillation; see the file's docstring.

    Args:
        distance_weight, angle_weight: of the two losses; the search varies the second and the weight of their sum.
        gather: compare the images of all processes with each other, as one process with the whole batch would;
            False compares only those of a process's own share, which changes the loss with their number.
    """

    name: ClassVar[str] = "rkd"
    needs_teacher = True
    weight: float = searched(1.0, FloatDistribution(0.05, 5.0, log=True))
    distance_weight: float = 25.0
    angle_weight: float = searched(50.0, FloatDistribution(5.0, 200.0, log=True))
    gather: bool = True

    def __post_init__(self) -> None:
        for name in ("weight", "distance_weight", "angle_weight"):
            if not getattr(self, name) >= 0:
                raise InvalidError(f"{name} must be at least 0, got {getattr(self, name)}")

    def check(self, shapes: Shapes) -> None:
        check_features(shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _RKD(self, Pooled(teacher_stage(-1, shapes)))


class _RKD(Term):
    def __init__(self, spec: RKD, reading: Pooled):
        super().__init__()
        self._spec, self._reading = spec, reading

    def readings(self) -> tuple[Reading, ...]:
        return (self._reading,)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        features = pooled(student.features[-1]), read(teacher, self._reading)
        own, other = (whole_batch(vectors, self._spec.gather) for vectors in features)
        return rkd_loss(own, other, self._spec.distance_weight, self._spec.angle_weight)


def _distances(features: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    squared = squared_distances(features, features)
    # The root's slope has no bound at 0: what rounding leaves there of an image's distance to itself, or to its
    # equal, would make the gradient of all others several hundred times less exact.
    equal = squared <= 32.0 * torch.finfo(squared.dtype).eps * squared.detach().max()
    distances = torch.where(equal, 0.0, torch.where(equal, 1.0, squared).sqrt())
    mean = distances.sum() / max(len(features) * (len(features) - 1), 1)
    return distances / torch.where(mean > 0, mean, 1.0)


def _angles(features: Float[Tensor, "n d"]) -> Float[Tensor, "n n n"]:
    """The cosine at image k (first) between images i and j."""
    features = full(features)
    edges = features[None, :, :] - features[:, None, :]
    edges = directions(edges.flatten(0, 1), 1e-12).unflatten(0, edges.shape[:2])
    with torch.autocast(features.device.type, enabled=False):
        return edges @ edges.transpose(1, 2)
