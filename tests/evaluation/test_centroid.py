import numpy as np
import pytest
import torch

from raykd.evaluation.centroid import nearest_centroid_accuracy
from raykd.evaluation.embeddings import METRICS
from tiny import random


def reference(vectors, labels, train_vectors, train_labels, metric):
    right = 0
    for vector, label in zip(vectors, labels, strict=True):
        distances = {}
        for own in sorted(set(train_labels.tolist())):
            members = [other for other, its in zip(train_vectors, train_labels, strict=True) if its == own]
            if metric == "cosine":
                centroid = sum(member / np.linalg.norm(member) for member in members) / len(members)
                cosine = vector @ centroid / np.linalg.norm(vector) / np.linalg.norm(centroid)
                distances[own] = -cosine
            else:
                distances[own] = np.linalg.norm(vector - sum(members) / len(members))
        right += min(distances, key=lambda own: distances[own]) == label
    return right / len(labels)


def test_by_eye():
    """On a line with centroids at 1 (class 5) and 10 (class 2), the boundary is at 5.5."""
    train, labels = torch.tensor([[0.0], [2.0], [9.0], [11.0]]), torch.tensor([5, 5, 2, 2])
    images = torch.tensor([[5.0], [6.0], [-3.0], [5.4]])
    assert nearest_centroid_accuracy(images, torch.tensor([5, 2, 2, 5]), train, labels) == 3 / 4


def test_by_direction_a_long_vector_counts_no_more_than_a_short_one():
    train = torch.tensor([[100.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    labels = torch.tensor([0, 0, 1])
    image, label = torch.tensor([[0.0, 3.0]]), torch.tensor([0])  # near (0.5, 0.5), far from (50, 0.5)
    assert nearest_centroid_accuracy(image, label, train, labels, "cosine") == 1.0
    assert nearest_centroid_accuracy(image, label, train, labels, "l2") == 0.0


@pytest.mark.parametrize("metric", METRICS)
def test_is_what_the_definition_says(metric: str):
    vectors, train = random(60, 3, seed=1), random(40, 3, seed=2)
    labels, train_labels = torch.arange(60) % 4, torch.arange(40) % 3  # nobody is of class 3
    vectors += labels[:, None]
    train += train_labels[:, None]
    expected = reference(vectors.numpy(), labels.numpy(), train.numpy(), train_labels.numpy(), metric)
    assert nearest_centroid_accuracy(vectors, labels, train, train_labels, metric) == pytest.approx(expected)
    assert 0 < expected < 1
