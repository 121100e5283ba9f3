"""What is found out of a teacher's file and network before it teaches."""

import functools
from pathlib import Path

import torch

from raykd.data.dataset import Dataset
from raykd.evaluation.accuracy import accuracy
from raykd.evaluation.centroid import nearest_centroid_accuracy
from raykd.evaluation.embeddings import embed
from raykd.models.staged import Shape, Staged
from raykd.models.tensor_names import fitted
from raykd.models.weights import content, read_weights
from raykd.protocols.fit import Fit
from raykd.protocols.model import ModelSpec, bare


def measured_by(fit: Fit, network: Staged, dataset: Dataset) -> float:
    """A network's validation accuracy through its fit, 0 to 1; NaN where scores are no finite numbers.

    Where its class scores are not of the data's classes, it is that of the nearest centroid by its last features: every
    other image of the validation split is told by those between.
    """
    network = fit.around(network)
    if fit.scores:
        return accuracy(network, dataset, dataset.validation)
    vectors, labels = embed(network, dataset, dataset.validation)
    return nearest_centroid_accuracy(vectors[1::2], labels[1::2], vectors[::2], labels[::2], "cosine")


def num_classes_in(model: ModelSpec, file: Path, key: str | None, image: Shape) -> int | None:
    """Of how many classes the weights in a file are, by the shapes that depend on it; None where it has none such.

    Args:
        key: which of the file's state dicts, as of `read_weights`.
    """
    return _num_classes_in(model, file, key, content(file), image)


@functools.lru_cache(maxsize=64)
def _num_classes_in(model: ModelSpec, file: Path, key: str | None, digest: str, image: Shape) -> int | None:
    with torch.random.fork_rng(devices=[]):
        fewer, more = (bare(model).build(number, image).network.state_dict() for number in (2, 3))
    state = fitted(read_weights(file, key).state, fewer)
    for name, value in fewer.items():
        grown = [axis for axis, size in enumerate(value.shape) if more[name].shape[axis] == size + 1]
        if grown and name in state and state[name].ndim == value.ndim:
            return state[name].shape[grown[0]] - value.shape[grown[0]] + 2
    return None
