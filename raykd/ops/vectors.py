"""Directions and distances of feature vectors, computed in single precision at least.

Squares of half-precision features overflow and their differences cancel, so both functions step out of
autocast and raise what they are given to float32; float64 stays as it is.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def directions(vectors: Float[Tensor, "n d"], epsilon: float) -> Float[Tensor, "n d"]:
    """Each vector divided by its length plus `epsilon`.

    A vector of zeros has no direction: it stays 0 and passes no gradient, where the formula's would be
    1 / epsilon and that of a square root of 0 not a number.
    """
    vectors = full(vectors)
    squares = vectors.square().sum(dim=1, keepdim=True)
    alive = squares > 0
    lengths = torch.where(alive, squares, 1.0).sqrt()
    return torch.where(alive, vectors / (lengths + epsilon), 0.0)


def products(left: Float[Tensor, "n d"], right: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """The inner product of every pair."""
    with torch.autocast(left.device.type, enabled=False):
        return full(left) @ full(right).T


def squared_distances(left: Float[Tensor, "n d"], right: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """The squared Euclidean distance of every pair, never below 0.

    Both sets are first moved by the mean of `right`, which changes no distance: features after a ReLU lie far
    from 0, and |a|^2 + |b|^2 - 2ab would lose digits to their common part.
    """
    left, right = full(left), full(right)
    centre = right.detach().mean(dim=0)
    left, right = left - centre, right - centre
    lengths = left.square().sum(dim=1)[:, None] + right.square().sum(dim=1)
    return (lengths - 2.0 * products(left, right)).clamp_min(0.0)


def full(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The same values in float32, or in float64 where they are so already."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
