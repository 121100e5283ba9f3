"""A teacher's classes and a data set's, brought together by their names.

A name of the teacher may be several, with commas between them, as ImageNet's are: `n01440764, tench, Tinca tinca`.
Small and capital letters are alike, and so are blanks, `_` and `-`: a folder `tiger_shark` is the class `Tiger shark`.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raykd.errors import InvalidError, nearest

_MOST_SHOWN = 3


@dataclass(frozen=True)
class Columns:
    """Of a teacher's class scores those of the data set's classes, in its order."""

    columns: tuple[int, ...]

    def __call__(self, scores: Float[Tensor, "batch theirs"]) -> Float[Tensor, "batch ours"]:
        return scores.index_select(1, _on(scores.device, self.columns))


def matching(teacher: Sequence[str], data: Sequence[str]) -> tuple[int, ...]:
    """For each class of the data set the teacher's, counted from 0.

    Raises:
        ValueError: classes that the teacher does not know, or has twice.
    """
    known: dict[str, list[int]] = {}
    for number, names in enumerate(teacher):
        for name in {_plain(each) for each in (names, *names.split(","))}:
            known.setdefault(name, []).append(number)
    if unknown := [name for name in data if _plain(name) not in known]:
        shown = ", ".join(unknown[:_MOST_SHOWN]) + (", ..." if len(unknown) > _MOST_SHOWN else "")
        hint = nearest(_plain(unknown[0]), known)
        raise InvalidError(
            f"the teacher knows {len(data) - len(unknown)} of the data's {len(data)} classes, not {shown} ({hint}); "
            "without `classes` they are taken to be in the data's order, and scores='none' asks for features alone"
        )
    found = [known[_plain(name)] for name in data]
    for name, numbers in zip(data, found, strict=True):
        if len(numbers) > 1:
            raise InvalidError(f"the class {name} of the data is the teacher's {' and '.join(map(str, numbers))}")
    if len({numbers[0] for numbers in found}) < len(data):
        raise InvalidError("two classes of the data are the same class of the teacher")
    return tuple(numbers[0] for numbers in found)


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


@functools.cache
def _on(device: torch.device, columns: tuple[int, ...]) -> Int64[Tensor, "ours"]:
    with torch.inference_mode(False):
        return torch.tensor(columns, device=device)
