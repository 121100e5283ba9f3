"""k-means from random vectors, all of them used, the same result every time on the same machine.

On CPUs these are Lloyd's iterations in PyTorch, a block of vectors to a thread: `benchmarks/codebook.py` has their time
beside faiss's and scikit-learn's at equal inertia. The vectors may lie in a memory-mapped file, of which a block for
each thread is copied at a time. Blocks are of a fixed size and their sums are added in order, so that the words do not
depend on the number of threads (scikit-learn adds its threads' sums in the order in which they end). Where faiss is
installed, was built for a GPU, and there is one, it is faiss. Nothing else needs faiss, which is imported where it is
used: an installation without a GPU can leave it out, and a worker on CPUs need not load it.
"""

import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from raykd.ops.rng import generator

_ALL = 2**31 - 1  # faiss draws a subsample above max_points_per_centroid * K vectors, and warns below the minimum
_BLOCK = 8192  # vectors
_SCORES = 2**20  # that a thread holds at once, 4 MiB
_COLUMNS = 32  # of the table in which a vector's best score is looked for


class Clusters(NamedTuple):
    """The words, each vector's word, and its squared distance to it.

    A vector's word is the one that was nearest in the last iteration, before the words moved a last time. If they moved
    at all, another may have come nearer; faiss on a GPU looks again.
    """

    words: Float32[np.ndarray, "words channels"]
    distances: Float32[np.ndarray, "vectors"]
    nearest: Int64[np.ndarray, "vectors"]


def kmeans(
    vectors: Float32[np.ndarray, "vectors channels"], words: int, iterations: int, seed: int, *, gpu: bool = False
) -> Clusters:
    """Clusters vectors around `words` centroids, which begin as vectors drawn without replacement.

    Ends early where no vector changes its word. A word without vectors becomes the vector furthest from its own word,
    but not in the last iteration, after which it stays without; by faiss it takes half of a large cluster.

    Args:
        vectors: in memory or in a file; never written, but NumPy must call them writable (a file's mode is `c`).
        gpu: compute on the GPU where `faiss_has_gpu`.
    """
    values = torch.from_numpy(vectors)
    start = values[torch.randperm(len(values), generator=generator("words", seed))[:words]]
    if gpu and faiss_has_gpu():
        return by_faiss(vectors, start.numpy(), iterations, gpu=True)
    with _single_threads() as run:
        return _lloyd(values, start, iterations, run)


def faiss_has_gpu() -> bool:
    """Whether faiss is installed, was built for a GPU, and there is one."""
    if importlib.util.find_spec("faiss") is None:
        return False
    import faiss

    return faiss.get_num_gpus() > 0


def by_faiss(
    vectors: Float32[np.ndarray, "vectors channels"],
    start: Float32[np.ndarray, "words channels"],
    iterations: int,
    *,
    gpu: bool,
) -> Clusters:
    """The same by faiss, from given words."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(torch.get_num_threads())  # a worker's share of the machine is its share here too
    try:
        few_and_all = {"min_points_per_centroid": 1, "max_points_per_centroid": _ALL}
        clustering = faiss.Kmeans(vectors.shape[1], len(start), niter=iterations, gpu=gpu, **few_and_all)
        clustering.train(vectors, init_centroids=start)
        distances, nearest = clustering.index.search(vectors, 1)  # pyright: ignore
    finally:
        faiss.omp_set_num_threads(threads)
    assert clustering.centroids is not None
    return Clusters(clustering.centroids, distances[:, 0].clip(min=0.0), nearest[:, 0])


class _Part(NamedTuple):
    """What a block says of the words that it was given, and of the next ones."""

    nearest: Int64[Tensor, "n"]
    distances: Float32[Tensor, "n"]
    sums: Float32[Tensor, "k c"]
    counts: Int64[Tensor, "k"]


_Run = Callable[[Callable[[Tensor], _Part], tuple[Tensor, ...]], Iterator[_Part]]


@contextmanager
def _single_threads() -> Iterator[_Run]:
    """As many threads as PyTorch has here, each of which computes alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # what a new thread begins with
    try:
        with ThreadPoolExecutor(threads) as pool:
            yield pool.map
    finally:
        torch.set_num_threads(threads)


def _lloyd(vectors: Float32[Tensor, "n c"], start: Float32[Tensor, "k c"], iterations: int, run: _Run) -> Clusters:
    centre = start.mean(dim=0)  # that scores are moved by, for the reason that `squared_distances` states
    words, nearest = start, torch.empty(0, dtype=torch.int64)
    for iteration in range(iterations):
        before, parts = nearest, list[tuple[Tensor, Tensor]]()
        sums, counts = torch.zeros(words.shape, dtype=torch.float64), torch.zeros(len(words), dtype=torch.int64)
        for part in run(_assigner(words - centre, centre), vectors.split(_BLOCK)):
            parts.append((part.nearest, part.distances))
            sums += part.sums
            counts += part.counts
        nearest, distances = (torch.cat(column) for column in zip(*parts, strict=True))
        refill = iteration + 1 < iterations and not counts.all()
        if refill:
            empty = (counts == 0).nonzero()[:, 0]
            furthest = distances.topk(len(empty)).indices
            moved = vectors[furthest].double()
            sums.index_add_(0, nearest[furthest], moved, alpha=-1)
            counts -= nearest[furthest].bincount(minlength=len(words))
            nearest[furthest], sums[empty], counts[empty] = empty, moved, 1
        words = torch.where(counts[:, None] > 0, (sums / counts[:, None]).float(), words)
        if not refill and torch.equal(nearest, before):
            break
    pairs = zip(vectors.split(_BLOCK), nearest.split(_BLOCK), strict=True)
    exact = torch.cat([(block - words[own]).square().sum(dim=1) for block, own in pairs])
    return Clusters(words.numpy(), exact.numpy(), nearest.numpy())


def _assigner(words: Float32[Tensor, "k c"], centre: Float32[Tensor, "c"]) -> Callable[[Tensor], _Part]:
    """What finds the nearest word of each vector v of a block: that of the largest v . w - |w|^2 / 2.

    Both are moved by `centre`, the words already. They are filled up to whole rows of `_COLUMNS` by some that are no
    vector's nearest.
    """
    missing = -len(words) % _COLUMNS
    slopes = torch.cat([words, words.new_zeros(missing, words.shape[1])])
    offsets = torch.cat([-words.square().sum(dim=1) / 2.0, words.new_full((missing,), -torch.inf)])
    chunk = max(_SCORES // len(slopes), 1)

    def assign(block: Tensor) -> _Part:
        moved = block - centre
        held = words.new_empty(min(chunk, len(moved)), len(slopes))
        found = [_best(torch.addmm(offsets, part, slopes.T, out=held[: len(part)])) for part in moved.split(chunk)]
        scores, nearest = (torch.cat(column) for column in zip(*found, strict=True))
        distances = moved.square().sum(dim=1) - 2.0 * scores
        sums = torch.zeros_like(words).index_add_(0, nearest, block)
        return _Part(nearest, distances, sums, nearest.bincount(minlength=len(words)))

    return assign


def _best(scores: Float32[Tensor, "n k"]) -> tuple[Float32[Tensor, "n"], Int64[Tensor, "n"]]:
    """Each row's largest score and where it stands.

    As a table the row has its columns' maxima taken by vector instructions, and then one column is searched: a fifth
    of the time of `max`, which is scalar on CPUs.
    """
    table = scores.unflatten(1, (-1, _COLUMNS))
    best, column = table.amax(dim=1).max(dim=1)
    row = table[torch.arange(len(table)), :, column].argmax(dim=1)
    return best, row * _COLUMNS + column
