"""How good a network is at its task: the accuracy of a split, without augmentation.

What its embeddings are good for, such as retrieval, is in `raykd.evaluation`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from raykd.data import Split
from raykd.data.dataset import Batch, Dataset
from raykd.distributed.world import World
from raykd.errors import FailureError, InvalidError
from raykd.models.staged import Staged, evaluating
from raykd.ops.vectors import full


def accuracy(network: Staged, dataset: Dataset, split: Split, world: World | None = None) -> float:
    """The share of a split's images whose highest score is the label's, in [0, 1].

    NaN where a score is no finite number: the highest of NaNs is class 0, which would count as knowing that class.

    Every rank takes its share of the images; every rank gets the whole result. The network's modes are kept.
    """

    def is_right(logits: Tensor, batch: Batch) -> Tensor:
        return logits.argmax(dim=1) == batch.targets

    return _share(network, dataset, split, world, is_right)


def accuracy_and_loss(
    network: Staged, dataset: Dataset, split: Split, world: World | None = None
) -> tuple[float, float]:
    """As `accuracy`, and in the same pass the mean cross-entropy with the labels, in nats; both NaN as there."""

    def told(logits: Tensor, batch: Batch) -> list[Tensor]:
        is_right = logits.argmax(dim=1) == batch.targets
        return [is_right.sum(), F.cross_entropy(full(logits), batch.targets, reduction="sum")]

    correct, loss = _sums(network, dataset, split, world, 2, told)
    return correct / len(split), loss / len(split)


def constant_answer(network: Staged, dataset: Dataset, split: Split) -> int | None:
    """The class that a network answers to every image of a split; None where it tells images apart.

    None too where all the split's images are of one class, since a network that knows it answers the same.
    """
    if len(split.labels.unique()) == 1:
        return None
    answers: set[int] = set()
    with torch.inference_mode(), evaluating(network):
        for batch in dataset.plain(split):
            answers.update(network(batch.images).logits.argmax(dim=1).unique().tolist())
            if len(answers) > 1:
                return None
    return answers.pop()


def top_k_accuracy(network: Staged, dataset: Dataset, split: Split, k: int = 5, world: World | None = None) -> float:
    """The share of a split's images whose label is among the `k` highest scores, in [0, 1]; otherwise as `accuracy`.

    Raises:
        ValueError: fewer classes than `k`, or `k` below 1.
    """
    if not 1 <= k <= dataset.num_classes:
        raise InvalidError(f"k must be 1 to {dataset.num_classes}, the number of classes, got {k}")

    def is_right(logits: Tensor, batch: Batch) -> Tensor:
        return (logits.topk(k, dim=1).indices == batch.targets[:, None]).any(dim=1)

    return _share(network, dataset, split, world, is_right)


def check_scores(measured: float, whose: str) -> float:
    """An accuracy as it is, unless it is NaN.

    Args:
        whose: of the network, as the subject of the message.

    Raises:
        RuntimeError: the network's class scores are no finite numbers.
    """
    if math.isnan(measured):
        raise FailureError(f"{whose} gives class scores that are no finite numbers, so it has no accuracy")
    return measured


def _share(
    network: Staged, dataset: Dataset, split: Split, world: World | None, is_right: Callable[[Tensor, Batch], Tensor]
) -> float:
    (correct,) = _sums(network, dataset, split, world, 1, lambda logits, batch: [is_right(logits, batch).sum()])
    return correct / len(split)


def _sums(
    network: Staged,
    dataset: Dataset,
    split: Split,
    world: World | None,
    count: int,
    told: Callable[[Tensor, Batch], list[Tensor]],
) -> list[float]:
    """What is told of each batch of a split, added up; NaN where a score is no finite number."""
    world = world or World.alone(dataset.device)
    sums = torch.zeros(count + 1, dtype=torch.float64, device=dataset.device)  # counts are exact in it too
    with torch.inference_mode(), evaluating(network):
        for batch in dataset.plain(split, rank=world.rank, size=world.size):
            logits = network(batch.images).logits
            sums += torch.stack([value.double() for value in (*told(logits, batch), (~logits.isfinite()).sum())])
    *found, broken = world.sum(sums).tolist()
    return [math.nan] * count if broken else found
