"""Embeddings are the last stage's averages, and neighbours are the nearest of them."""

import pytest
import torch

from raykd.evaluation import neighbours
from raykd.evaluation.embeddings import comparable, embed
from raykd.evaluation.neighbours import nearest
from tiny import dataset, network, random


@pytest.mark.parametrize("options", [{}, {"embedding": 5}])
def test_an_embedding_is_the_last_stage_averaged_over_its_places(options: dict):
    data, student = dataset(), network(**options).train()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    found = embed(student, data, data.validation, data.test)
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())
    assert all(module.training for module in student.modules())
    student.eval()
    images = torch.cat([data.validation.images, data.test.images])
    with torch.no_grad():
        last = student(data.normalise(images)).features[-1]
    expected = last if options else last.mean(dim=(2, 3))
    torch.testing.assert_close(found.vectors, expected)
    assert torch.equal(found.labels, torch.cat([data.validation.labels, data.test.labels]))


def test_directions_are_of_length_1_and_zeros_stay():
    vectors = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert torch.equal(comparable(vectors, "cosine"), torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    assert torch.equal(comparable(vectors, "l2"), vectors)
    with pytest.raises(ValueError, match="unknown metric 'dot'; choices: cosine, l2"):
        comparable(vectors, "dot")


def test_neighbours_by_eye():
    others = torch.tensor([[10.0, 0.0], [1.0, 1.0], [0.0, 0.5]])
    queries = torch.tensor([[2.0, 0.1], [0.1, 0.7]])
    assert nearest(queries, others, "l2").tolist() == [1, 2]
    assert nearest(queries, others, "cosine").tolist() == [0, 2]


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_blocks_change_nothing_and_of_equal_ones_the_first_is_taken(metric: str, monkeypatch: pytest.MonkeyPatch):
    others, queries = random(30, 4), random(20, 4, seed=1)
    whole = nearest(queries, torch.cat([others, others]), metric)
    assert whole.max() < 30
    monkeypatch.setattr(neighbours, "_SCORES", 130)  # two queries at a time
    assert torch.equal(nearest(queries, torch.cat([others, others]), metric), whole)


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_neighbours_far_from_the_origin(shift: float):
    """Features after a ReLU may have a large common part; in single precision its square leaves no digits."""
    others, queries = (random(300, 4, seed=seed) + shift for seed in (0, 1))
    expected = torch.cdist(queries, others).argmin(dim=1)
    assert (nearest(queries, others, "l2") == expected).double().mean() > 0.99


def test_the_nearest_direction():
    others, queries = random(300, 4), random(50, 4, seed=1)
    expected = torch.nn.functional.cosine_similarity(queries[:, None], others, dim=2).argmax(dim=1)
    assert torch.equal(nearest(queries, others, "cosine"), expected)
