"""`raykd.accuracy`: any module, any data, a split by its name; the same number that a run's summary has."""

import dataclasses

import pytest
import torch
from torch import nn

import raykd
from raykd.data import Split
from raykd.data.digits import Digits
from raykd.evaluation.accuracy import accuracy
from raykd.models.cnn import CNN
from tiny import dataset


class Constant(nn.Module):
    """Gives every image the same scores."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tensor([0.0, 1.0, 0.5]).repeat(len(images), 1)


def labelled(*labels: int) -> Split:
    return Split(torch.zeros(len(labels), 3, 8, 8, dtype=torch.uint8), torch.tensor(labels))


def test_by_eye():
    data = dataclasses.replace(dataset(), train=labelled(0, 2), validation=labelled(1, 1, 0, 2), test=labelled(1))
    assert [raykd.accuracy(Constant(), data, split) for split in ("train", "validation", "test")] == [0.0, 0.5, 1.0]


def test_a_staged_network_and_the_plain_one_within_it_give_the_same():
    data = Digits().load()
    student = CNN().build(data.num_classes, data.image_shape)
    expected = accuracy(student, data, data.test)
    assert raykd.accuracy(student, data, "test") == raykd.accuracy(student.network, data, "test") == expected
    assert student.training and student.network.training


def test_data_as_it_stands_in_a_recipe():
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    data = Digits().load()
    assert raykd.accuracy(student, Digits(), "validation") == accuracy(
        raykd.Staged(student, stem=(), stages=("0",), head="1"), data, data.validation
    )


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("validatoin", "unknown split 'validatoin'; did you mean validation"),
        ("", "unknown split ''; choices: train"),
    ],
)
def test_another_word_is_refused(split: str, said: str):
    with pytest.raises(raykd.UserError, match=f"^{said}"):
        raykd.accuracy(Constant(), dataset(), split)
