"""Where student and teacher agree: both on the same validation images, which classes they mix up, where they differ.

The test split stays unread. On a CPU and for seconds only: as many images as that allows, at most a thousand, spread
evenly over the split.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from raykd.data.dataset import Dataset
from raykd.models.staged import Outputs, Staged, evaluating
from raykd.ops.maps import pooled
from raykd.ops.vectors import full
from raykd.page.showing import validation_images

_MOST, _BATCH, _SECONDS = 1000, 50, 20.0


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What both said.

    Args:
        labels, student, teacher: a class for each image.
        features: of the student, its last stage averaged over its places, or its class scores where it has no stages.
        images: as the data set has them.
        classes: their names, or else their numbers.
        held: images of the validation split in all.
    """

    labels: Int64[Tensor, "n"]
    student: Int64[Tensor, "n"]
    teacher: Int64[Tensor, "n"]
    features: Float[Tensor, "n d"]
    images: UInt8[Tensor, "n c h w"]
    classes: tuple[str, ...]
    held: int

    def confusion(self, said: Int64[Tensor, "n"]) -> Int64[Tensor, "classes classes"]:
        """How many images of a class (row) were taken for another (column)."""
        count = len(self.classes)
        return torch.bincount(self.labels * count + said, minlength=count**2).view(count, count)

    def differing(self) -> Iterator[tuple[str, list[int]]]:
        """Images that only one of them knows, and those that both take for something else."""
        right, knows = self.student == self.labels, self.teacher == self.labels
        yield "the teacher is right, the student is not", _places(knows & ~right)
        yield "the student is right, the teacher is not", _places(right & ~knows)
        yield "both are wrong", _places(~right & ~knows)


def agreement(student: Staged, teacher: Staged, dataset: Dataset) -> Agreement:
    """Shows both networks, on the CPU as the data set is, the same validation images."""
    split = dataset.validation
    said: list[tuple[Tensor, ...]] = []
    with torch.inference_mode(), evaluating(student), evaluating(teacher):
        for indices, images in validation_images(dataset, _MOST, _BATCH, _SECONDS):
            views = dataset.normalise(images)
            ours, theirs = student(views), teacher(views)
            guesses = (outputs.logits.argmax(dim=1) for outputs in (ours, theirs))
            said.append((split.labels[indices], *guesses, _features(ours), images.byte()))
    labels, student_said, teacher_said, features, shown = (torch.cat(parts) for parts in zip(*said, strict=True))
    names = dataset.classes or tuple(map(str, range(dataset.num_classes)))
    return Agreement(
        labels=labels,
        student=student_said,
        teacher=teacher_said,
        features=features,
        images=shown,
        classes=names,
        held=len(split),
    )


def _features(outputs: Outputs) -> Float[Tensor, "b d"]:
    return full(pooled(outputs.features[-1]) if outputs.features else outputs.logits)


def _places(mask: Tensor) -> list[int]:
    return mask.nonzero().flatten().tolist()
