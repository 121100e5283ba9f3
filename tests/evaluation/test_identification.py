import math

import pytest
import torch

from raykd.evaluation.embeddings import METRICS
from raykd.evaluation.identification import identification_rate
from references import retrieval as reference
from tiny import random


def pair_by_pair(vectors, labels, distractors, metric):
    """Each probe with a gallery of one mate and all distractors."""
    identified = []
    for i, probe in enumerate(vectors):
        for j, mate in enumerate(vectors):
            if i != j and labels[i] == labels[j]:
                gallery = [reference.distance(probe, other, metric) for other in distractors]
                identified.append(reference.distance(probe, mate, metric) < min(gallery))
    return sum(identified) / len(identified)


def test_by_eye():
    """On a line: 0 and 1 are of a class, 10 and 14 of another; a distractor at 3 and one at 11.5.

    0 and 1 find each other; from 10 the distractor at 11.5 is nearer than 14, and so it is from 14.
    """
    vectors, labels = torch.tensor([[0.0], [1.0], [10.0], [14.0]]), torch.tensor([4, 4, 6, 6])
    distractors = torch.tensor([[3.0], [11.5]])
    assert identification_rate(vectors, labels, distractors, "l2") == 2 / 4
    assert identification_rate(vectors, labels, distractors[:1], "l2") == 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_is_what_the_protocol_says(metric: str):
    labels = torch.tensor([0, 0, 1, 1, 1, 2, 2, 2, 2, 3])  # the last class has no pair
    vectors = random(10, 3, seed=1) * 0.5 + labels[:, None] ** 2 * torch.tensor([1.0, -1.0, 0.5])
    distractors = random(12, 3, seed=3) * 3
    expected = pair_by_pair(vectors.tolist(), labels.tolist(), distractors.tolist(), metric)
    assert identification_rate(vectors.float(), labels, distractors.float(), metric) == pytest.approx(expected)
    assert 0 < expected < 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [0.0, 1.0, math.pi])
def test_equal_embeddings_identify_nobody(metric: str, value: float):
    vectors = torch.full((6, 7), value)
    assert identification_rate(vectors, torch.arange(6) % 2, torch.full((9, 7), value), metric) == 0.0


def test_more_distractors_never_make_it_easier():
    vectors, labels, distractors = random(30, 3), torch.arange(30) % 5, random(40, 3, seed=1)
    rates = [identification_rate(vectors, labels, distractors[:count]) for count in (1, 5, 40)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[-1]


def test_refuses_what_is_no_pair_and_no_distractor():
    with pytest.raises(ValueError, match="a held-out class with at least two images, got none"):
        identification_rate(torch.eye(3), torch.arange(3), torch.ones(1, 3))
    with pytest.raises(ValueError, match="at least one distractor, got none"):
        identification_rate(torch.eye(3), torch.zeros(3).long(), torch.ones(0, 3))
