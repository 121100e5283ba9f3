"""Epochs without training, for the tests of what listens to them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from raykd.protocols.epoch import AnchorRatio


@dataclass(frozen=True)
class Epoch:
    number: int
    epochs: int
    metrics: dict[str, float]
    seconds: float
    state: Callable[[], dict[str, Any]]
    diverged: bool = False
    ratios: tuple[AnchorRatio, ...] = ()


def epochs(count: int, first: int = 1, diverged: bool = False) -> Iterator[Epoch]:
    """Epochs `first` to `count` of a run, whose accuracy is 0.1, 0.2, ...; its last one may diverge."""
    for number in range(first, count + 1):
        worst = diverged and number == count
        metrics = {"train/loss": math.nan if worst else 1 / number, "val/accuracy": number / 10}
        yield Epoch(number, count, metrics, 0.5, lambda number=number: {"weight": torch.full((2,), number)}, worst)
