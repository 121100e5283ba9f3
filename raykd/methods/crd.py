"""CRD: the student tells an image's teacher from those of other classes (Tian et al., ICLR 2020, arXiv 1910.10699).

Both networks' pooled last stages are embedded linearly on a sphere, and a bank keeps a running embedding of every
training image for each network. The student's embedding of image i is held against the teacher's bank, and the
teacher's against the student's: against the image itself, k = 0, and K images of other classes,

    score_k = exp(embedding . bank_k / temperature) / Z
    L_side = -log(score_0 / (score_0 + K/n)) - sum over k > 0 of log((K/n) / (score_k + K/n)),  averaged over images
    L = L_student + L_teacher

for n training images. Z is n times the mean of the first step's exponentials and stays; after a step an image's
place in the bank takes in the new embedding. As in the reference benchmark (RepDistiller, mode `exact`): 128
dimensions, K = 16384, temperature 0.07, momentum 0.5, both embeddings trained, and negatives drawn anew in each
epoch, none of them twice where there are K (`common/negatives.py`). Left out: positives of the same class (`relax`).

After a step every process has the images of all processes in its banks, so that several agree with each other, and
with one process of the whole batch.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from optuna.distributions import FloatDistribution, IntDistribution
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.distributed.gather import of_all_ranks
from raykd.errors import InvalidError
from raykd.methods.common.negatives import Negatives
from raykd.methods.common.stages import check_features, teacher_stage
from raykd.models.staged import Outputs
from raykd.ops.maps import pooled
from raykd.ops.vectors import directions, full, products
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Pooled, Reading, read
from raykd.space.ranges import searched

_EPSILON = 1e-7


def exponentials(
    embeddings_BD: Float[Tensor, "batch d"],
    bank_ND: Float[Tensor, "n d"],
    images_BK1: Int64[Tensor, "batch k1"],
    temperature: float,
) -> Float[Tensor, "batch k1"]:
    """exp(similarity / temperature) of each embedding with its own choice of images of a bank."""
    # all similarities first: to gather K rows of the bank for each embedding takes far more memory
    return torch.exp(products(embeddings_BD, bank_ND).gather(1, images_BK1) / temperature)


def crd_loss(
    student_scores_BK1: Float[Tensor, "batch k1"], teacher_scores_BK1: Float[Tensor, "batch k1"], num_images: int
) -> Float[Tensor, ""]:
    """The sum of both sides' losses in nats, averaged over the batch.

    Args:
        student_scores_BK1: of the student's embeddings in the teacher's bank, exponentials divided by their Z; the
            image itself in column 0, negatives in all others.
        teacher_scores_BK1: of the teacher's embeddings in the student's bank.
        num_images: n, the images in each bank.
    """
    return _side(full(student_scores_BK1), num_images) + _side(full(teacher_scores_BK1), num_images)


@dataclass(frozen=True, kw_only=True)
class CRD:
    """Contrastive distillation; see the file's docstring.

    Args:
        negatives: K.
        temperature: what similarities, of -1 to 1, are divided by.
        momentum: an image's share in the bank that stays in a step.
        dimensions: of the embeddings.
    """

    name: ClassVar[str] = "crd"
    needs_teacher = True
    weight: float = searched(0.8, FloatDistribution(0.05, 5.0, log=True))
    negatives: int = searched(16384, IntDistribution(256, 16384, log=True))
    temperature: float = searched(0.07, FloatDistribution(0.02, 0.5, log=True))
    momentum: float = 0.5
    dimensions: int = 128

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        for name in ("negatives", "dimensions"):
            if getattr(self, name) < 1:
                raise InvalidError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.temperature > 0:
            raise InvalidError(f"temperature must be above 0, got {self.temperature}")
        if not 0 <= self.momentum < 1:
            raise InvalidError(f"momentum must be at least 0 and below 1, got {self.momentum}")

    def check(self, shapes: Shapes) -> None:
        check_features(shapes)
        if shapes.num_classes < 2:
            raise InvalidError(f"needs images of at least 2 classes, got {shapes.num_classes}")

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        labels = context.dataset.train.labels
        return _CRD(self, shapes, Negatives(labels, self.negatives)).to(context.dataset.device)


class _CRD(Term):
    """The embeddings, the banks and each side's Z; the student's Z is that of its scores in the teacher's bank."""

    student_bank: Tensor
    teacher_bank: Tensor
    normalisers: Tensor

    def __init__(self, spec: CRD, shapes: Shapes, negatives: Negatives):
        super().__init__()
        self._spec, self._negatives = spec, negatives
        self._reading = Pooled(teacher_stage(-1, shapes))
        self.student_embedding = nn.Linear(shapes.student[-1][0], spec.dimensions)
        self.teacher_embedding = nn.Linear(shapes.teacher[-1][0], spec.dimensions)
        bound = math.sqrt(3.0 / spec.dimensions)  # vectors of length 1 on the average
        for bank in ("student_bank", "teacher_bank"):
            self.register_buffer(bank, bound * (2.0 * torch.rand(shapes.num_images, spec.dimensions) - 1.0))
        self.register_buffer("normalisers", torch.zeros(2))
        self._normalised = False
        self.register_load_state_dict_post_hook(lambda term, keys: term._look())

    def readings(self) -> tuple[Reading, ...]:
        return (self._reading,)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        spec, num_images = self._spec, len(self.student_bank)
        own = directions(self.student_embedding(pooled(student.features[-1])), 0.0)
        other = directions(self.teacher_embedding(read(teacher, self._reading)), 0.0)
        images = torch.cat([batch.indices[:, None], self._negatives(batch.indices, clock.epoch, clock.seed)], dim=1)
        student_scores = exponentials(own, self.teacher_bank, images, spec.temperature)
        teacher_scores = exponentials(other, self.student_bank, images, spec.temperature)
        if not self._normalised:
            means = torch.stack([student_scores.detach().mean(), teacher_scores.detach().mean()])
            self.normalisers.copy_(num_images * of_all_ranks(means[None]).mean(dim=0))
            self._normalised = True
        if self.training:
            indices = of_all_ranks(batch.indices)
            self.student_bank = self._updated(self.student_bank, indices, own)
            self.teacher_bank = self._updated(self.teacher_bank, indices, other)
        student_z, teacher_z = self.normalisers
        return crd_loss(student_scores / student_z, teacher_scores / teacher_z, num_images)

    def _updated(
        self, bank: Float[Tensor, "n d"], indices: Int64[Tensor, "m"], embeddings: Float[Tensor, "batch d"]
    ) -> Float[Tensor, "n d"]:
        """A new bank: the gradient of this step's scores still needs the old one."""
        momentum, new = self._spec.momentum, of_all_ranks(embeddings.detach()).to(bank.dtype)
        return bank.index_copy(0, indices, F.normalize(momentum * bank[indices] + (1.0 - momentum) * new))

    def _look(self) -> None:
        self._normalised = bool((self.normalisers > 0).all())


def _side(scores: Float[Tensor, "batch k1"], num_images: int) -> Float[Tensor, ""]:
    noise = (scores.shape[1] - 1) / num_images
    positive, negative = scores[:, 0], scores[:, 1:]
    own = (positive / (positive + noise + _EPSILON)).log()
    others = (noise / (negative + noise + _EPSILON)).log().sum(dim=1)
    return -(own + others).mean()
