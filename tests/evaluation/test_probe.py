import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from raykd.evaluation.embeddings import Embeddings
from raykd.evaluation.probe import PENALTIES, fit, linear_probe_accuracy


def blobs(num: int, spread: float, seed: int = 0, num_classes: int = 3) -> Embeddings:
    """Classes around the corners of a simplex, with one direction that says nothing and one that never changes."""
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(num) % num_classes
    noise = torch.randn(num, num_classes + 2, generator=stream) * spread
    noise[:, -1] = 7.0
    noise[:, :num_classes] += torch.eye(num_classes)[labels]
    return Embeddings(noise * 3 + 1, labels)


def standardised(embeddings: Embeddings, by: Embeddings) -> np.ndarray:
    mean, deviation = by.vectors.double().mean(dim=0), by.vectors.double().std(dim=0, correction=0)
    return ((embeddings.vectors.double() - mean) / torch.where(deviation > 0, deviation, 1.0)).numpy()


def scikit(train: Embeddings, l2: float) -> LogisticRegression:
    """Whose loss is the sum over images times C, plus |W|^2 / 2."""
    return LogisticRegression(C=1 / (l2 * len(train.labels)), tol=1e-9, max_iter=5000).fit(
        standardised(train, train), train.labels.numpy()
    )


def with_ones(vectors: np.ndarray) -> Tensor:
    return torch.nn.functional.pad(torch.from_numpy(vectors), (0, 1), value=1.0)


@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
def test_fits_what_scikit_learn_does(l2: float):
    train = blobs(90, 0.5)
    inputs = with_ones(standardised(train, train))
    weights = fit(inputs, train.labels, l2, torch.zeros(inputs.shape[1], 3, dtype=torch.float64))
    expected = scikit(train, l2).predict_proba(standardised(train, train))
    np.testing.assert_allclose((inputs @ weights).softmax(dim=1).numpy(), expected, atol=1e-5)


def test_the_penalty_is_the_one_that_is_best_on_the_validation_images():
    train, validation, test = blobs(45, 0.9), blobs(60, 0.9, seed=1), blobs(300, 0.9, seed=2)
    models = [scikit(train, l2) for l2 in PENALTIES]

    def score(model: LogisticRegression, images: Embeddings) -> float:
        return float(model.score(standardised(images, train), images.labels.numpy()))

    best = max(models, key=lambda model: score(model, validation))  # the first, and strongest, of several
    assert len({score(model, validation) for model in models}) > 1
    assert linear_probe_accuracy(train, validation, test) == pytest.approx(score(best, test))
    assert linear_probe_accuracy(train, validation) == pytest.approx(score(best, validation))


def test_classes_that_can_be_told_apart_are():
    assert linear_probe_accuracy(blobs(30, 0.01), blobs(30, 0.01, seed=1), blobs(30, 0.01, seed=2)) == 1.0


def test_repeats_to_the_last_bit_whatever_was_drawn_before():
    train, validation = blobs(60, 0.8), blobs(60, 0.8, seed=1)
    first = linear_probe_accuracy(train, validation)
    torch.rand(5)
    assert linear_probe_accuracy(train, validation) == first


def test_a_class_that_the_training_images_lack_is_never_right():
    train, validation = blobs(30, 0.01), blobs(30, 0.01, seed=1)
    new = Embeddings(train.vectors, train.labels + 3)
    assert linear_probe_accuracy(train, validation, new) == 0.0
