"""KD by a plain PyTorch loop, as short as one can write it, over raykd's own views: what is fair to compare with."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.data import Augmentation, Split
from raykd.data.dataset import Dataset


def memory_dataset(
    train: Split, validation: Split, num_classes: int, mean: tuple[float, ...], std: tuple[float, ...], padding: int
) -> Dataset:
    """Images in memory with crops and flips, and views that depend on epoch and index alone."""
    return Dataset(
        train=train,
        validation=validation,
        test=validation,
        num_classes=num_classes,
        mean=mean,
        std=std,
        augmentation=Augmentation(padding=padding, flip=True),
    )


def distil(
    dataset: Dataset,
    teacher: nn.Module,
    student: nn.Module,
    *,
    temperature: float,
    labels: float,
    softened: float,
    lr: float,
    epochs: int,
    batch_size: int,
) -> Iterator[float]:
    """Trains a student on the data's device; yields its validation accuracy after each epoch.

    Args:
        labels, softened: weights of the cross-entropy and of the softened divergence.
    """
    teacher.eval().requires_grad_(False)
    optimiser = torch.optim.SGD(student.parameters(), lr, 0.9, weight_decay=5e-4)
    for epoch in range(epochs):
        student.train()
        for batch in dataset.batches(epoch, 0, batch_size):
            loss = kd_loss(
                teacher, student, batch.images, batch.targets, temperature=temperature, labels=labels, softened=softened
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        yield accuracy(student, dataset)


def kd_loss(
    teacher: nn.Module,
    student: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    temperature: float,
    labels: float,
    softened: float,
) -> Tensor:
    """The loss of a batch; the teacher runs and takes no gradient."""
    with torch.no_grad():
        soft = F.log_softmax(teacher(images) / temperature, dim=1)
    logits = student(images)
    own = F.log_softmax(logits / temperature, dim=1)
    divergence = temperature**2 * F.kl_div(own, soft, reduction="batchmean", log_target=True)
    return labels * F.cross_entropy(logits, targets) + softened * divergence


@torch.inference_mode()
def accuracy(student: nn.Module, dataset: Dataset) -> float:
    """On the validation split, 0 to 1."""
    student.eval()
    batches = dataset.plain(dataset.validation)
    right = sum((student(batch.images).argmax(dim=1) == batch.targets).sum() for batch in batches)
    return float(right) / len(dataset.validation)
