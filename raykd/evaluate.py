"""How good a network is: top-1 accuracy of a split, without augmentation."""

import torch

from raykd.data import Dataset, Split
from raykd.staged import Staged, evaluating
from raykd.world import World


def accuracy(network: Staged, dataset: Dataset, split: Split, world: World | None = None) -> float:
    """The share of a split's images whose highest score is the label's, in [0, 1].

    Every rank takes its share of the images; every rank gets the whole result. The network's modes are kept.
    """
    world = world or World.alone(dataset.device)
    correct = torch.zeros((), dtype=torch.int64, device=dataset.device)
    with torch.inference_mode(), evaluating(network):
        for batch in dataset.plain(split, rank=world.rank, size=world.size):
            correct += (network(batch.images).logits.argmax(dim=1) == batch.targets).sum()
    return world.sum(correct).item() / len(split)
