"""Nearest-centroid classification: each class is the mean of its training images' embeddings."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raykd.evaluation.embeddings import comparable
from raykd.evaluation.neighbours import nearest


def nearest_centroid_accuracy(
    vectors: Float[Tensor, "n d"],
    labels: Int64[Tensor, "n"],
    train_vectors: Float[Tensor, "m d"],
    train_labels: Int64[Tensor, "m"],
    metric: str = "l2",
) -> float:
    """The share of vectors that are nearest to the centroid of their own class, in [0, 1].

    Args:
        metric: `l2`, or `cosine`: each vector is brought to length 1 before the mean is taken and compared.
    """
    classes, own = train_labels.unique(return_inverse=True)
    seen = comparable(train_vectors, metric)
    sums = torch.zeros(len(classes), seen.shape[1], dtype=torch.float64, device=seen.device)
    sums.index_add_(0, own, seen.double())
    centroids = sums / own.bincount()[:, None]
    chosen = nearest(vectors, centroids, metric).to(classes.device)
    return (classes[chosen] == labels).double().mean().item()
