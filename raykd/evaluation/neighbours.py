"""The nearest neighbour of each vector among others, by faiss: exact, and in blocks, however many others there are."""

import faiss
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raykd.evaluation.embeddings import comparable


def nearest(queries: Float[Tensor, "q d"], others: Float[Tensor, "n d"], metric: str) -> Int64[Tensor, "q"]:
    """The place among `others` of the one that is nearest to each query; the first one where several are.

    Args:
        metric: `cosine` or `l2`.
    """
    ours, theirs = comparable(queries, metric).cpu(), comparable(others, metric).cpu()
    if metric == "l2":  # faiss expands the square: a common part that lies far from 0 would cost digits
        centre = theirs.mean(dim=0)
        ours, theirs = ours - centre, theirs - centre
    index = faiss.IndexFlatIP(ours.shape[1]) if metric == "cosine" else faiss.IndexFlatL2(ours.shape[1])
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(torch.get_num_threads())
    try:
        index.add(theirs.contiguous().numpy())  # pyright: ignore
        _, places = index.search(ours.contiguous().numpy(), 1)  # pyright: ignore
    finally:
        faiss.omp_set_num_threads(threads)
    return torch.from_numpy(places[:, 0])
