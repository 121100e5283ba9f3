"""How good a student is, for who has it in Python: one number of one split, told by the split's name."""

import torch
from torch import nn

from raykd.data import DataSpec, load
from raykd.data.dataset import Dataset
from raykd.errors import InvalidError, nearest
from raykd.evaluation.accuracy import accuracy as accuracy_of_split
from raykd.models.staged import Staged

_SPLITS = ("train", "validation", "test")


def accuracy(student: nn.Module, data: DataSpec | Dataset, split: str) -> float:
    """The share of a split's images, not augmented, whose highest score is the label's, in [0, 1].

    NaN where a score is no finite number.

    Args:
        student: a `Staged`, or any module that gives class scores; it is measured on the device that it lies on, in
            eval mode, and each of its parts is left in the mode that it was in.
        split: `train`, `validation` or `test`.

    Raises:
        ValueError: another split.
        FileNotFoundError: the data is not there.
    """
    if split not in _SPLITS:
        raise InvalidError(f"unknown split {split!r}; {nearest(split, _SPLITS)}")
    device = next((weight.device for weight in student.parameters()), torch.device("cpu"))
    dataset = data.to(device) if isinstance(data, Dataset) else load(data, device)
    staged = student if isinstance(student, Staged) else Staged(student, stem=(), stages=((),), head=student)
    return accuracy_of_split(staged, dataset, getattr(dataset, split))
