"""Retrieval: by eye, against its definition, and against the way the released code counts."""

import numpy as np
import pytest
import torch
from torch import Tensor

from raykd.evaluation.retrieval import (
    average_precision,
    mean_average_precision,
    precision_at,
    released_average_precision,
    retrieve,
)
from references import retrieval as reference


def drawn(num_queries: int, num_images: int, num_classes: int = 4, seed: int = 0, step: float = 0.0) -> list[Tensor]:
    """Queries, their labels, a database and its labels; rounded to multiples of `step`, so that some are equal."""
    stream = torch.Generator().manual_seed(seed)
    centres = torch.randn(num_classes, 5, generator=stream)

    def some(number: int) -> tuple[Tensor, Tensor]:
        labels = torch.cat([torch.arange(num_classes), torch.randint(num_classes, (number,), generator=stream)])[
            :number
        ]
        vectors = centres[labels] + torch.randn(number, 5, generator=stream)
        return (vectors / step).round() * step if step else vectors, labels

    return [*some(num_queries), *some(num_images)]


def rows(tensors: list[Tensor], metric: str) -> list[list[int]]:
    queries, labels, database, database_labels = (tensor.tolist() for tensor in tensors)
    return [
        reference.relevance(*query, database, database_labels, metric) for query in zip(queries, labels, strict=True)
    ]


def test_by_eye():
    """On a line, the query at 0: its class stands at ranks 1 and 4. Cosine sees two directions alone."""
    database, labels = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([7, 3, 3, 7])
    found = retrieve(torch.tensor([[0.0]]), torch.tensor([7]), database, labels, "l2", k=2)
    # levels 0 to 0.5: 1 of 1; levels 0.6 to 1: 2 of 4
    assert found.mean_average_precision == pytest.approx((6 * 1 + 5 * 0.5) / 11)
    assert found.precision == 0.5
    turned = mean_average_precision(-database[:1], torch.tensor([3]), database - 2.5, labels, "cosine")
    # the database lies at -1.5, -0.5, 0.5, 1.5: of both that point as the query does, the other class counts as nearer
    assert turned == pytest.approx((6 * 1 / 2 + 5 * 2 / 4) / 11)


def test_the_whole_class_first_is_perfect():
    database, labels = torch.eye(4).repeat_interleave(3, dim=0), torch.arange(4).repeat_interleave(3)
    for metric in ("cosine", "l2"):
        assert retrieve(torch.eye(4), torch.arange(4), database, labels, metric, k=3) == (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_a_network_that_gives_every_image_the_same_gets_nothing_for_it(metric: str):
    """Three of ten are of the class; they come last."""
    database, labels = torch.ones(10, 4), torch.tensor([0] * 3 + [1] * 7)
    found = retrieve(torch.ones(1, 4), torch.tensor([0]), database, labels, metric, k=7)
    assert found.precision == 0.0
    assert found.mean_average_precision == pytest.approx(3 / 10)  # the 3rd at rank 10 is the best, at every level


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("step", [0.0, 0.5])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_is_what_the_definition_says(metric: str, step: float, k: int):
    tensors = drawn(20, 64, step=step)  # of 64 the mean is exact, so that equal distances stay equal
    if step and metric == "cosine":  # so that equal directions are equal to the last bit
        tensors[0], tensors[2] = (torch.nn.functional.one_hot(tensors[i].argmax(dim=1), 5).float() for i in (0, 2))
    relevant = rows(tensors, metric)
    aps = [reference.average_precision(row) for row in relevant]
    assert mean_average_precision(*tensors, metric=metric) == pytest.approx(sum(aps) / len(aps))
    assert precision_at(*tensors, k=k, metric=metric) == pytest.approx(np.mean([sum(row[:k]) / k for row in relevant]))


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize(("num_queries", "num_images"), [(20, 40), (20, 10), (140, 60), (129, 300)])
def test_is_what_the_released_code_counts(metric: str, num_queries: int, num_images: int):
    """Its batches hold 128 queries, the last one what is left."""
    tensors = drawn(num_queries, num_images)
    relevant = rows(tensors, metric)
    average, precisions = reference.released([relevant[:128], relevant[128:]] if num_queries > 128 else [relevant])
    assert mean_average_precision(*tensors, metric=metric, released=True) == pytest.approx(average)
    for k in {1, 5, 10, min(130, num_images), num_images}:
        assert precision_at(*tensors, k=k, metric=metric, released=True) == pytest.approx(precisions[k - 1])


@pytest.mark.parametrize("ranks", [[1], [5], [1, 2, 3], [2, 3, 9], [1, 4, 6, 7, 30], list(range(3, 33, 3))])
@pytest.mark.parametrize("within", [1, 2, 6, 40])
def test_one_query(ranks: list[int], within: int):
    relevant = [int(rank in ranks) for rank in range(1, 41)]
    assert average_precision(np.array(ranks)) == pytest.approx(reference.average_precision(relevant))
    one, _ = reference.released([[relevant] * within])
    assert released_average_precision(np.array(ranks), within) == pytest.approx(one)


def test_the_two_forms_differ_where_the_released_code_does_not_interpolate():
    """The query's class stands at ranks 2 and 3: the best precision is 2 / 3 at every level."""
    ranks = np.array([2, 3])
    assert average_precision(ranks) == pytest.approx(2 / 3)
    # One query is a batch of 1. Levels 0 to 0.2 take rank 1, levels 0.3 to 0.7 rank 2, the others rank 3.
    assert released_average_precision(ranks, 1) == pytest.approx((3 * 0 + 5 * 1 / 2 + 3 * 2 / 3) / 11)


def test_every_batch_counts():
    queries, labels, database, database_labels = drawn(300, 50)
    single = zip(queries[:, None], labels[:, None], strict=True)
    parts = [mean_average_precision(*query, database, database_labels) for query in single]
    assert mean_average_precision(queries, labels, database, database_labels) == pytest.approx(np.mean(parts))


def test_the_order_of_the_database_does_not_matter():
    queries, labels, database, database_labels = drawn(30, 50, step=0.5)
    shuffled = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    for metric in ("cosine", "l2"):
        one = retrieve(queries, labels, database, database_labels, metric, k=9)
        assert retrieve(queries, labels, database[shuffled], database_labels[shuffled], metric, k=9) == (
            pytest.approx(one, abs=0.01 if metric == "cosine" else 1e-9)  # rounding may part equal directions
        )


@pytest.mark.parametrize(
    ("k", "metric", "label", "message"),
    [
        (5, "l2", 0, r"k must be 1 to 4, the images of the database, got 5"),
        (0, "l2", 0, r"k must be 1 to 4, the images of the database, got 0"),
        (1, "l1", 0, r"unknown metric 'l1'; choices: cosine, l2"),
        (1, "l2", 2, r"needs images in the database, which has none of class 2"),
    ],
)
def test_refuses(k: int, metric: str, label: int, message: str):
    with pytest.raises(ValueError, match=message):
        precision_at(torch.ones(1, 2), torch.tensor([label]), torch.ones(4, 2), torch.tensor([0, 0, 1, 1]), k, metric)
