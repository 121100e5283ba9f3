"""The nearest neighbour of each vector among others: exact, and in blocks, however many others there are."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raykd.evaluation.embeddings import comparable

_SCORES = 2**24  # that are held at once, 64 MiB


def nearest(queries: Float[Tensor, "q d"], others: Float[Tensor, "n d"], metric: str) -> Int64[Tensor, "q"]:
    """The place among `others` of the one that is nearest to each query; the first one where several are.

    It is the one of the largest q . o, for `l2` less |o|^2 / 2, which leaves out what all of a query's distances share.

    Args:
        metric: `cosine` or `l2`.
    """
    ours, theirs = comparable(queries, metric).cpu(), comparable(others, metric).cpu()
    offsets = theirs.new_zeros(len(theirs))
    if metric == "l2":
        centre = theirs.mean(dim=0)  # that both are moved by: a common part that lies far from 0 would cost digits
        ours, theirs = ours - centre, theirs - centre
        offsets = -theirs.square().sum(dim=1) / 2.0
    blocks = ours.split(max(_SCORES // len(theirs), 1))
    return torch.cat([torch.addmm(offsets, block, theirs.T).argmax(dim=1) for block in blocks])
