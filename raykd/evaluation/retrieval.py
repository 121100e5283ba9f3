"""Retrieval: images of a split query the training images by their embeddings (Passalis et al., arXiv 2005.00727).

Of a query's class R images are in the database. Ranked by their nearness, the m-th of them stands at rank r_m, where
the precision is m / r_m and the recall m / R. Average precision is the 11-point interpolated one:

    AP = mean over levels l = 0, 0.1, ..., 1 of max { m / r_m : m / R >= l, m >= 1 },   mAP = mean over queries

The released code (github.com/passalis/pkth) counts differently, and so do the published figures. `released=True`
counts as it does: the maximum is taken only within the first B ranks, where B is the number of queries in a batch
(128, and what is left for the last batch); beyond them the precision stays as it is. A level takes the first rank
whose recall is nearest to it. The top-k precision for k < B is the largest of ranks k to B.

Of images that are equally near, those of another class count as nearer: a network that gives all images the same
embedding gets nothing for it. Everything follows from the ranks r_m, which are counted without ranking the others:
faiss's search for all of 50,000 images takes ten times as long.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from raykd.errors import InvalidError
from raykd.evaluation.embeddings import comparable
from raykd.ops.vectors import products, squared_distances

_BATCH = 128  # queries at a time, as in the released code: 26 MB of distances to 50,000 images
_LEVELS = np.arange(0, 1.01, 0.1)


class Retrieval(NamedTuple):
    """How well a database is retrieved from, in [0, 1]; see the file's docstring."""

    mean_average_precision: float
    precision: float
    released_mean_average_precision: float
    released_precision: float


def mean_average_precision(
    queries: Float[Tensor, "q d"],
    query_labels: Int64[Tensor, "q"],
    database: Float[Tensor, "n d"],
    database_labels: Int64[Tensor, "n"],
    metric: str = "cosine",
    *,
    released: bool = False,
) -> float:
    """The mean over queries of the 11-point interpolated average precision, in [0, 1].

    Args:
        metric: `cosine` or `l2`.
        released: count as the released code of the information-flow paper does; see the file's docstring.

    Raises:
        ValueError: a query's class is not in the database.
    """
    found = retrieve(queries, query_labels, database, database_labels, metric, k=1)
    return found.released_mean_average_precision if released else found.mean_average_precision


def precision_at(
    queries: Float[Tensor, "q d"],
    query_labels: Int64[Tensor, "q"],
    database: Float[Tensor, "n d"],
    database_labels: Int64[Tensor, "n"],
    k: int = 100,
    metric: str = "cosine",
    *,
    released: bool = False,
) -> float:
    """The mean over queries of the share of their class among the `k` nearest images, in [0, 1].

    Args:
        metric, released: as for `mean_average_precision`.

    Raises:
        ValueError: `k` is more than the database has; or as for `mean_average_precision`.
    """
    found = retrieve(queries, query_labels, database, database_labels, metric, k)
    return found.released_precision if released else found.precision


def retrieve(
    queries: Float[Tensor, "q d"],
    query_labels: Int64[Tensor, "q"],
    database: Float[Tensor, "n d"],
    database_labels: Int64[Tensor, "n"],
    metric: str = "cosine",
    k: int = 100,
) -> Retrieval:
    """Mean average precision and top-k precision, in both forms, from one pass over the database.

    Computed on the device that the vectors are on.

    Raises:
        ValueError: as `precision_at`.
    """
    if not 1 <= k <= len(database):
        raise InvalidError(f"k must be 1 to {len(database)}, the images of the database, got {k}")
    absent = set(query_labels.tolist()) - set(database_labels.tolist())
    if absent:
        classes = ", ".join(map(str, sorted(absent)))
        raise InvalidError(f"the class of every query needs images in the database, which has none of class {classes}")
    totals = np.zeros(4)
    for batch in _batches(queries, query_labels, database, database_labels, metric):
        for ranks in batch:
            within = min(len(batch), len(database))
            totals += (
                average_precision(ranks),
                (ranks <= k).sum() / k,
                released_average_precision(ranks, within),
                _head(ranks, max(within, k), within)[k - 1],
            )
    return Retrieval(*(totals / len(queries)).tolist())


def average_precision(ranks: Int64[np.ndarray, "r"]) -> float:
    """The 11-point interpolated average precision of a query whose class stands at these ranks, rising, from 1."""
    num = len(ranks)
    precisions = np.arange(1, num + 1) / ranks
    best_from = np.maximum.accumulate(precisions[::-1])[::-1]
    # the least m with m / R >= l / 10, in whole numbers: 3 / 10 of 10 is 3, and not the 4 of a rounded 0.3
    least = np.maximum(1, -(-np.arange(11) * num // 10))
    return best_from[least - 1].mean().item()


def released_average_precision(ranks: Int64[np.ndarray, "r"], within: int) -> float:
    """The same as the released code counts it.

    Args:
        within: the ranks in which precision is interpolated, the number of queries in the batch.
    """
    # The first rank of each recall 0, 1/R, ..., 1; recall is never 0 if the nearest image is of the query's class.
    counts = np.arange(1 if ranks[0] == 1 else 0, len(ranks) + 1)
    firsts = np.concatenate([[1], ranks])[counts]
    chosen = np.abs(counts / len(ranks) - _LEVELS[:, None]).argmin(axis=1)
    counts, firsts = counts[chosen], firsts[chosen]
    head = _head(ranks, within, within)
    return np.where(firsts <= within, head[np.minimum(firsts, within) - 1], counts / firsts).mean().item()


def _head(ranks: Int64[np.ndarray, "r"], length: int, within: int) -> Float64[np.ndarray, "length"]:
    """The precision at the first `length` ranks, interpolated within the first ones."""
    places = np.arange(1, length + 1)
    precisions = np.searchsorted(ranks, places, side="right") / places
    precisions[:within] = np.maximum.accumulate(precisions[:within][::-1])[::-1]
    return precisions


def _batches(
    queries: Tensor, query_labels: Tensor, database: Tensor, database_labels: Tensor, metric: str
) -> Iterator[list[np.ndarray]]:
    """Batch by batch, for each query the ranks of the images of its class, rising, counted from 1."""
    order = database_labels.argsort(stable=True)
    labels = database_labels[order].cpu()  # so that a class is one slice of a row of distances
    ours, theirs = comparable(queries, metric), comparable(database, metric)[order]
    starts = torch.searchsorted(labels, query_labels.cpu()).tolist()
    ends = torch.searchsorted(labels, query_labels.cpu(), right=True).tolist()
    for begin in range(0, len(ours), _BATCH):
        block = ours[begin : begin + _BATCH]
        distances = -products(block, theirs) if metric == "cosine" else squared_distances(block, theirs)
        yield [
            _ranks(row, start, end)
            for row, start, end in zip(distances.cpu().numpy(), starts[begin:], ends[begin:], strict=False)
        ]


def _ranks(distances: np.ndarray, start: int, end: int) -> Int64[np.ndarray, "r"]:
    own = np.sort(distances[start:end])
    others = np.sort(np.concatenate([distances[:start], distances[end:]]))
    return np.arange(1, len(own) + 1) + np.searchsorted(others, own, side="right")
