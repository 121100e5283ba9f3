"""How good a network is at its task: the accuracy of a split, without augmentation.

What its embeddings are good for, such as retrieval, is in `raykd.evaluation`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from raykd.data import Split
from raykd.data.dataset import Batch, Dataset
from raykd.distributed.world import World
from raykd.errors import FailureError, InvalidError
from raykd.models.staged import Staged, evaluating


def accuracy(network: Staged, dataset: Dataset, split: Split, world: World | None = None) -> float:
    """The share of a split's images whose highest score is the label's, in [0, 1].

    NaN where a score is no finite number: the highest of NaNs is class 0, which would count as knowing that class.

    Every rank takes its share of the images; every rank gets the whole result. The network's modes are kept.
    """

    def is_right(logits: Tensor, batch: Batch) -> Tensor:
        return logits.argmax(dim=1) == batch.targets

    return _share(network, dataset, split, world, is_right)


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
    world = world or World.alone(dataset.device)
    counts = torch.zeros(2, dtype=torch.int64, device=dataset.device)
    with torch.inference_mode(), evaluating(network):
        for batch in dataset.plain(split, rank=world.rank, size=world.size):
            logits = network(batch.images).logits
            counts += torch.stack([is_right(logits, batch).sum(), (~logits.isfinite()).sum()])
    correct, broken = world.sum(counts).tolist()
    return math.nan if broken else correct / len(split)
