"""k-means by faiss: fixed seed, all vectors used, the same result every time on the same machine."""

from typing import NamedTuple

import faiss
import numpy as np
import torch
from jaxtyping import Float32, Int64

_ALL = 2**31 - 1  # faiss draws a subsample above max_points_per_centroid * K vectors, and warns below the minimum


class Clusters(NamedTuple):
    """The words, the squared distance of each vector to its nearest word, and that word's index."""

    words: Float32[np.ndarray, "words channels"]
    distances: Float32[np.ndarray, "vectors"]
    nearest: Int64[np.ndarray, "vectors"]


def kmeans(
    vectors: Float32[np.ndarray, "vectors channels"], words: int, iterations: int, seed: int, *, gpu: bool = False
) -> Clusters:
    """Clusters vectors around `words` centroids by Lloyd's iterations; an empty cluster takes half of a large one.

    Args:
        gpu: compute on the GPU where faiss was built for one.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(torch.get_num_threads())  # a worker's share of the machine is its share here too
    try:
        clustering = faiss.Kmeans(
            vectors.shape[1],
            words,
            niter=iterations,
            seed=seed,
            min_points_per_centroid=1,
            max_points_per_centroid=_ALL,
            gpu=gpu and faiss.get_num_gpus() > 0,
        )
        clustering.train(vectors)
        distances, nearest = clustering.index.search(vectors, 1)  # pyright: ignore
    finally:
        faiss.omp_set_num_threads(threads)
    assert clustering.centroids is not None
    return Clusters(clustering.centroids, distances[:, 0].clip(min=0.0), nearest[:, 0])
