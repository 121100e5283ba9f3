"""Information flow: every layer arranges a batch as the teacher's does (Passalis et al., CVPR 2020, arXiv 2005.00727).

Each layer's features X of a batch of N give, row by row, the probabilities of its images as neighbours, under a
cosine kernel and under a heavy-tailed one; the student's are drawn to the teacher's:

    p_ij = K(x_i, x_j) / sum_j K(x_i, x_j),   K = (1 + cos) / 2   and   K = 1 / (1 + |x_i - x_j|)
    L_layer = mean over i, j of (p - q)(log p - log q),   added up for the two kernels
    weight L = weight L_last + initial decay^epoch (sum of the other layers' L_layer)

Early epochs, the critical period, form all layers; later ones the last layer alone. Where the teacher is of
another make, its early layers are the wrong model: an auxiliary teacher of the student's make is then matched
layer by layer instead. Kernel `cosine` with divergence `kl` is plain probabilistic knowledge transfer (PKT).

As in the authors' code: the diagonal counts, the mean is over N x N entries (so the loss shrinks as N grows), and
layers are matched one to one; no mutual information is computed. The authors train without labels: evaluate such
a student by retrieval. Where two images' features are opposite, as none are after a ReLU, Jeffreys' divergence takes
their cosine kernel for 1e-6, without a gradient, and that code gives infinity. Left out: the contrastive variant, and
the fresh optimiser of each epoch.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from optuna.distributions import CategoricalDistribution, FloatDistribution
from torch import Tensor

from raykd.data.dataset import Batch
from raykd.distributed.gather import whole_batch
from raykd.errors import InvalidError
from raykd.methods.common.auxiliary import Auxiliary, find_auxiliary
from raykd.methods.common.stages import check_features
from raykd.models.staged import Outputs, Staged
from raykd.ops.maps import pooled
from raykd.ops.vectors import directions, full, products, squared_distances
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Pooled, Reading, read
from raykd.space.ranges import fixed, searched

KERNELS = ("combined", "cosine", "student_t")
DIVERGENCES = ("jeffreys", "kl")
_EPSILON = {"jeffreys": 1e-6, "kl": 1e-7}  # the two published codes differ: information flow, and PKT
_LEAST = {"jeffreys": 1e-6, "kl": 0.0}  # of a cosine kernel: opposite features have a log of 0, to which KL adds a bit
# Of so few channels distances are added up of differences: of one, 64 images lost up to 7 % of the gradient otherwise.
_FEW = 4


def transfer_loss(
    student: Float[Tensor, "n d"], teacher: Float[Tensor, "n c"], kernel: str = "combined", divergence: str = "jeffreys"
) -> Float[Tensor, ""]:
    """The divergence of a layer's neighbour probabilities from the teacher's, averaged over N x N entries.

    Args:
        student, teacher: one feature vector an image; their lengths may differ.
        kernel: `combined` (the sum of the two others), `cosine` or `student_t`.
        divergence: `jeffreys`, or `kl` from the teacher to the student. No gradient reaches the teacher.
    """
    _check_form(kernel, divergence)
    losses = []
    if kernel != "student_t":
        losses.append(_divergence(_cosine(student, divergence), _cosine(teacher.detach(), divergence), divergence))
    if kernel != "cosine":
        losses.append(_divergence(_student_t(student), _student_t(teacher.detach()), divergence))
    return torch.stack(losses).sum()


def layer_weights(
    epoch: int, num_layers: int, initial: float = 100.0, decay: float = 0.7, epochs: int = 50
) -> tuple[float, ...]:
    """The weight of each layer in an epoch, from the first layer to the last, whose weight is always 1.

    Args:
        epoch: counted from 0, of `epochs`.
        initial: the other layers' weight in epoch 0.
        decay: what it is multiplied by after each epoch of a run of 50; after each of E, by decay^(50 / E).
    """
    return (initial * decay ** (50.0 * epoch / epochs),) * (num_layers - 1) + (1.0,)


@dataclass(frozen=True, kw_only=True)
class InfoFlow:
    """The information flow of all layers; see the file's docstring.

    Args:
        weight: of the last layer; 1 is the published setting, where this is the only term and the optimiser is Adam.
            Beside labels, by SGD, a student of digits has 89.6 % without the term and 92.6, 94.7, 91.0 and 70.2 % with
            weights of 1, 1e2, 1e3 and 1e4 (batches of 32, 2 seeds).
        initial, decay: of the other layers' weight, which `weight` leaves alone, see `layer_weights`.
        kernel, divergence: see `transfer_loss`.
        gather: compare the images of all processes with each other, as one process with the whole batch would;
            False compares only those of a process's own share, which changes the loss with their number.
        auxiliary: an auxiliary teacher of the student's make, matched with the student's stages as they are; None
            matches the teacher's own stages, each averaged over its places.
    """

    name: ClassVar[str] = "infoflow"
    weight: float = searched(1.0, FloatDistribution(1.0, 1e3, log=True))
    initial: float = searched(100.0, FloatDistribution(1.0, 1000.0, log=True))
    decay: float = searched(0.7, FloatDistribution(0.5, 0.95))
    kernel: Literal["combined", "cosine", "student_t"] = searched("combined", CategoricalDistribution(KERNELS))
    divergence: Literal["jeffreys", "kl"] = searched("jeffreys", CategoricalDistribution(DIVERGENCES))
    gather: bool = True
    auxiliary: Auxiliary | None = fixed(None)

    def __post_init__(self) -> None:
        for name in ("weight", "initial"):
            if not getattr(self, name) >= 0:
                raise InvalidError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not 0 < self.decay <= 1:
            raise InvalidError(f"decay must be above 0 and at most 1, got {self.decay}")
        _check_form(self.kernel, self.divergence)

    @property
    def needs_teacher(self) -> bool:
        """The auxiliary teacher answers in the teacher's place."""
        return self.auxiliary is None

    def check(self, shapes: Shapes) -> None:
        check_features(shapes)
        whose, other = "teacher", len(shapes.teacher)
        if self.auxiliary is not None:
            if self.auxiliary.batch_size > shapes.num_images:
                size, images = self.auxiliary.batch_size, shapes.num_images
                raise InvalidError(f"auxiliary/batch_size: {size} is more than the {images} training images")
            whose, other = "auxiliary", self.auxiliary.build(shapes.num_classes, shapes.image).num_stages
        if len(shapes.student) != other:
            raise InvalidError(
                f"student and {whose} need equally many stages, got {len(shapes.student)} and {other}"
                + ("" if self.auxiliary else "; an auxiliary teacher of the student's make bridges the difference")
            )

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        auxiliary = find_auxiliary(self.auxiliary, context, transfer_loss) if self.auxiliary else None
        return _InfoFlow(self, auxiliary, len(shapes.teacher))


class _InfoFlow(Term):
    def __init__(self, spec: InfoFlow, auxiliary: Staged | None, num_stages: int):
        super().__init__()
        self._spec, self._readings = spec, tuple(Pooled(stage) for stage in range(num_stages))
        self._auxiliary = (auxiliary,)  # in a tuple, out of reach of DDP, `train()` and the optimiser

    def readings(self) -> tuple[Reading, ...]:
        return self._readings

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        spec = self._spec
        (auxiliary,) = self._auxiliary
        if auxiliary is None:
            assert teacher is not None
            own = [pooled(stage) for stage in student.features]
            other = [read(teacher, Pooled(stage)) for stage in range(len(own))]
        else:
            with torch.no_grad():
                answers = auxiliary(batch.images)
            own, other = ([stage.flatten(1) for stage in outputs.features] for outputs in (student, answers))
        own, other = ([whole_batch(stage, spec.gather) for stage in stages] for stages in (own, other))
        # The run multiplies the whole by `weight`, which is the last layer's alone.
        weights = layer_weights(clock.epoch, len(own), spec.initial / spec.weight, spec.decay, clock.epochs)
        losses = [
            weight * transfer_loss(mine, theirs, spec.kernel, spec.divergence)
            for weight, mine, theirs in zip(weights, own, other, strict=True)
        ]
        return torch.stack(losses).sum()


def _check_form(kernel: str, divergence: str) -> None:
    for name, value, choices in (("kernel", kernel, KERNELS), ("divergence", divergence, DIVERGENCES)):
        if value not in choices:
            raise InvalidError(f"unknown {name} {value!r}; choices: {', '.join(choices)}")


def _cosine(features: Float[Tensor, "n d"], divergence: str) -> Float[Tensor, "n n"]:
    own = directions(features, _EPSILON[divergence])
    return _rows((0.5 * (products(own, own) + 1.0)).clamp_min(_LEAST[divergence]))


def _student_t(features: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    if features.shape[1] <= _FEW:
        squared = (full(features)[:, None] - full(features)).square().sum(dim=2)  # 0 for equals, and its gradient too
        return _rows(1.0 / (1.0 + (squared + 1e-6).sqrt()))
    squared = squared_distances(features, features)
    # The root's slope is 500 at 0: what rounding leaves there of an image's distance to itself, or to its equal,
    # would drown the gradient of all other distances.
    equal = squared <= 32.0 * torch.finfo(squared.dtype).eps * squared.detach().max()
    distances = (squared.masked_fill(equal, 0.0) + 1e-6).sqrt()
    return _rows(1.0 / (1.0 + distances))


def _rows(kernel: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    return kernel / kernel.sum(dim=1, keepdim=True)


def _divergence(student: Float[Tensor, "n n"], teacher: Float[Tensor, "n n"], divergence: str) -> Float[Tensor, ""]:
    if divergence == "jeffreys":
        return ((teacher - student) * (teacher.log() - student.log())).mean()
    epsilon = _EPSILON[divergence]
    return (teacher * ((teacher + epsilon) / (student + epsilon)).log()).mean()
