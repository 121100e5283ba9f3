"""Where student and teacher agree: both on the same validation images, which classes they mix up, where they differ.

The test split stays unread. On a CPU and for seconds only: as many images as that allows, at most a thousand, spread
evenly over the split.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raykd.data.dataset import Dataset
from raykd.models.staged import Staged, evaluating

_MOST, _BATCH, _SECONDS = 1000, 50, 20.0


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What both said.

    Args:
        labels, student, teacher: a class for each image.
        images: as the data set has them, 0 to 255.
        classes: their names, or else their numbers.
        held: images of the validation split in all.
    """

    labels: Int64[Tensor, "n"]
    student: Int64[Tensor, "n"]
    teacher: Int64[Tensor, "n"]
    images: Float[Tensor, "n c h w"]
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
    split, begun = dataset.validation, time.monotonic()
    order = torch.linspace(0, len(split) - 1, min(_MOST, len(split))).round().long()
    shares = [order[start :: -(-len(order) // _BATCH)] for start in range(-(-len(order) // _BATCH))]
    said: list[tuple[Tensor, ...]] = []
    with torch.inference_mode(), evaluating(student), evaluating(teacher):
        for indices, images in split.read(shares):
            views = dataset.normalise(images)
            guesses = (network(views).logits.argmax(dim=1) for network in (student, teacher))
            said.append((split.labels[indices], *guesses, images))
            if time.monotonic() - begun > _SECONDS:
                break
    labels, ours, theirs, shown = (torch.cat(parts) for parts in zip(*said, strict=True))
    names = dataset.classes or tuple(map(str, range(dataset.num_classes)))
    return Agreement(labels=labels, student=ours, teacher=theirs, images=shown, classes=names, held=len(split))


def _places(mask: Tensor) -> list[int]:
    return mask.nonzero().flatten().tolist()
