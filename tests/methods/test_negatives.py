"""Negatives are of other classes, come back for the same image, epoch and seed, and none is preferred."""

import pytest
import torch

from raykd.methods.common.negatives import Negatives

LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 2, 2])  # 3 of class 0, 3 of class 1, 6 of class 2
ALL = torch.arange(len(LABELS))


def draw(count: int, images: torch.Tensor = ALL, epoch: int = 0, seed: int = 0) -> torch.Tensor:
    return Negatives(LABELS, count)(images, epoch, seed)


@pytest.mark.parametrize("count", [1, 2, 4, 6, 7, 9, 10, 100])
def test_none_is_of_the_images_own_class(count: int):
    negatives = draw(count)
    assert negatives.shape == (12, count)
    assert (LABELS[negatives] != LABELS[:, None]).all()


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_none_comes_twice_where_there_are_so_many(count: int):
    for epoch in range(20):
        assert all(len(row.unique()) == count for row in draw(count, epoch=epoch))


def test_all_of_them_where_there_are_just_so_many():
    (row,) = draw(6, torch.tensor([5]))
    assert row.sort().values.tolist() == [0, 1, 3, 4, 6, 7]


def test_a_class_with_too_few_takes_some_twice_and_the_others_none():
    first, last = draw(8, torch.tensor([0, 2]))
    assert len(first.unique()) == 8  # of the 9 that are not of class 0
    assert len(last.unique()) <= 6  # of the 6 that are not of class 2


def test_a_function_of_image_epoch_and_seed_alone():
    whole = draw(5)
    assert torch.equal(draw(5, torch.tensor([7, 3])), whole[[7, 3]])
    assert not torch.equal(draw(5, epoch=1), whole)
    assert not torch.equal(draw(5, seed=1), whole)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_every_negative_is_as_likely_as_the_next(count: int):
    negatives = Negatives(LABELS, count)
    drawn = torch.cat([negatives(torch.tensor([1]), epoch, 0)[0] for epoch in range(3000)])
    shares = drawn.bincount(minlength=12) / len(drawn)
    others = LABELS != 1
    assert shares[~others].sum() == 0
    assert (shares[others] - 1 / 9).abs().max() < 0.02  # 4 standard deviations of the least certain share


def test_draws_of_an_image_differ_from_each_other():
    # pairs of places that are drawn together: all 36 of them come up
    negatives = Negatives(LABELS, 2)
    pairs = {tuple(sorted(negatives(torch.tensor([1]), epoch, 0)[0].tolist())) for epoch in range(1000)}
    assert len(pairs) > 30


def test_images_of_one_class_have_none():
    with pytest.raises(ValueError, match="at least 2 classes, all 3 are of one"):
        Negatives(torch.tensor([4, 4, 4]), 2)
