"""Codebooks: what a teacher's stage says of the training images, quantised into words, as artefacts.

Two artefacts, so that one pass over the images serves every number of words and every seed of k-means: a sample of the
stage's feature vectors (un-augmented images, teacher in eval mode), and the words that k-means finds in it. The sample
is a file that is written batch by batch and read block by block, so that it need not fit into memory.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from raykd.data.dataset import Dataset
from raykd.models.staged import Staged
from raykd.ops.kmeans import faiss_has_gpu, kmeans
from raykd.ops.maps import as_map, averaged
from raykd.ops.rng import generator
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.space.serialise import fingerprint
from raykd.storage.tensors import save_npy

_MAKER_VERSION = 2


@dataclass(frozen=True)
class Codebook:
    """The words of a teacher's stage.

    Args:
        words: the centroids.
        nearest: the mean squared distance from a vector to its word (see `raykd.ops.kmeans.Clusters`).
        num_vectors: how many vectors were clustered.
        num_empty: words that are no vector's.
    """

    words: Float[Tensor, "words channels"]
    nearest: float
    num_vectors: int
    num_empty: int


def find_codebook(
    context: BuildContext,
    checkpoint: int,
    *,
    stage: int,
    size: tuple[int, int],
    words: int,
    iterations: int,
    max_vectors: int,
    seed: int,
) -> Codebook:
    """The codebook of a checkpoint of the teacher, got from the store or made.

    Args:
        stage: counted from 0.
        size: height and width that the stage's maps are average-pooled to.
        iterations: of k-means.
        max_vectors: how many vectors, at most, are drawn from all places of all images: the same for every seed.
        seed: of k-means.
    """
    teacher, dataset = context.teacher, context.dataset
    assert teacher is not None
    sample = {
        "version": _MAKER_VERSION,
        "weights": teacher.digest(checkpoint),
        "images": [dataset.digest, dataset.mean, dataset.std],
        "stage": stage,
        "size": size,
        "max_vectors": max_vectors,
    }

    def make_sample(folder: Path) -> None:
        context.say(f"codebook: features of the teacher's checkpoint {checkpoint}, stage {stage}")
        _sample(folder / "vectors.npy", teacher.network(checkpoint), dataset, stage, size, max_vectors)

    def make_words(folder: Path) -> None:
        file = context.get("features", fingerprint(sample), make_sample) / "vectors.npy"
        vectors = np.load(file, mmap_mode="c")
        gpu = dataset.device.type == "cuda"
        where = ", on the CPU, as there is no faiss-gpu" if gpu and not faiss_has_gpu() else ""
        context.say(f"codebook: {words} words for {len(vectors)} vectors of {vectors.shape[1]} channels{where}")
        clusters = kmeans(vectors, words, iterations, seed, gpu=gpu)
        save_npy(clusters.words, folder / "words.npy")
        facts = {
            "inertia": float(clusters.distances.sum(dtype=np.float64)),
            "nearest": float(clusters.distances.mean(dtype=np.float64)),
            "num_vectors": len(vectors),
            "num_empty": words - len(np.unique(clusters.nearest)),
        }
        (folder / "facts.json").write_text(json.dumps(facts, indent=1))

    key = fingerprint({**sample, "words": words, "iterations": iterations, "seed": seed})
    folder = context.get("codebook", key, make_words)
    facts = json.loads((folder / "facts.json").read_text())
    # Copied, not wrapped: NumPy's memory is aligned to 16 bytes, PyTorch's to 64, and the last bits of a product by
    # MKL depend on it, so a wrapped array would make a run repeat on some days only.
    found = torch.tensor(np.load(folder / "words.npy"), device=dataset.device)
    return Codebook(found, facts["nearest"], facts["num_vectors"], facts["num_empty"])


def pooled_map(features: Tensor, size: tuple[int, int] | torch.Size) -> Float[Tensor, "b c h w"]:
    """A stage's output average-pooled to maps of (height, width); a flat output is a map of 1 x 1."""
    return averaged(as_map(features), (size[0], size[1]))


@torch.inference_mode()
def _sample(path: Path, network: Staged, dataset: Dataset, stage: int, size: tuple[int, int], max_vectors: int) -> None:
    """Writes vectors drawn without replacement from all places of all training images, in their order."""
    total = len(dataset.train) * size[0] * size[1]
    chosen = torch.randperm(total, generator=generator("features"))[:max_vectors].sort().values
    begin = filled = 0
    with path.open("wb") as file:  # filled batch by batch, so that the whole sample need not fit into memory here
        for batch in dataset.plain(dataset.train):
            maps = pooled_map(full(network(batch.images).features[stage]), size)
            vectors = maps.permute(0, 2, 3, 1).flatten(0, 2)
            if begin == 0:
                shape = (len(chosen), vectors.shape[1])
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            end = begin + len(vectors)
            first, last = torch.searchsorted(chosen, torch.tensor([begin, end])).tolist()
            file.write(vectors[(chosen[first:last] - begin).to(vectors.device)].cpu().numpy().astype("<f4").tobytes())
            begin, filled = end, last
    assert filled == len(chosen)
