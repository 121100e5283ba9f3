"""What a network says of the images of a split, one vector an image."""

from typing import NamedTuple

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from raykd.data import Split
from raykd.data.dataset import Dataset
from raykd.errors import InvalidError
from raykd.models.staged import Staged, evaluating
from raykd.ops.maps import pooled
from raykd.ops.vectors import directions, full

METRICS = ("cosine", "l2")


class Embeddings(NamedTuple):
    """A vector and a label for each image, on the CPU."""

    vectors: Float32[Tensor, "n d"]
    labels: Int64[Tensor, "n"]


@torch.no_grad()  # and not inference mode, whose tensors the linear probe could not learn from
def embed(network: Staged, dataset: Dataset, *splits: Split) -> Embeddings:
    """The last stage's output, averaged over its places, for the images of splits, in order and not augmented."""
    vectors: list[Tensor] = []
    labels: list[Tensor] = []
    with evaluating(network):
        for split in splits:
            for batch in dataset.plain(split):
                vectors.append(pooled(network(batch.images).features[-1]).float().cpu())
                labels.append(batch.targets.cpu())
    return Embeddings(torch.cat(vectors), torch.cat(labels))


def comparable(vectors: Tensor, metric: str) -> Float32[Tensor, "n d"]:
    """Vectors as a metric compares them: by direction, that is brought to length 1, for `cosine`; as they are for `l2`.

    Raises:
        ValueError: an unknown metric.
    """
    if metric not in METRICS:
        raise InvalidError(f"unknown metric {metric!r}; choices: {', '.join(METRICS)}")
    return (directions(vectors, 0.0) if metric == "cosine" else full(vectors)).float()
