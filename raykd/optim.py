"""Optimisers and learning-rate schedules as they stand in a recipe."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution
from torch import nn

from raykd.errors import InvalidError
from raykd.space.ranges import searched
from raykd.space.validation import check_fields, rule


@runtime_checkable
class Schedule(Protocol):
    """How the learning rate follows a run (or a leg of its route that starts afresh)."""

    def factor(self, epoch: float, epochs: int) -> float:
        """What the base rate is multiplied by `epoch` epochs (with a fraction) after the start, of `epochs`."""
        ...

    def drops(self, epochs: int) -> tuple[int, ...]:
        """The epochs at which the rate drops, for schedules of other things that follow it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Step:
    """The rate is multiplied by `decay` at each milestone, a share of the run.

    The default is the reference benchmark's: a tenth after epochs 150, 180 and 210 of 240.
    """

    milestones: tuple[float, ...] = (0.625, 0.75, 0.875)
    decay: float = 0.1

    def __post_init__(self) -> None:
        if not all(0.0 < milestone < 1.0 for milestone in self.milestones):
            raise InvalidError(f"milestones are shares of the run between 0 and 1, got {self.milestones}")

    def factor(self, epoch: float, epochs: int) -> float:
        return self.decay ** sum(milestone <= epoch for milestone in self.drops(epochs))

    def drops(self, epochs: int) -> tuple[int, ...]:
        return tuple(round(milestone * epochs) for milestone in self.milestones)


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """From the base rate to 0 along half a cosine, step by step, after a linear rise over a share of the run."""

    warm_up: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.warm_up < 1.0:
            raise InvalidError(f"warm_up is a share of the run, at least 0 and below 1, got {self.warm_up}")

    def factor(self, epoch: float, epochs: int) -> float:
        progress = epoch / epochs
        if progress < self.warm_up:
            return progress / self.warm_up
        return 0.5 * (1.0 + math.cos(math.pi * (progress - self.warm_up) / (1.0 - self.warm_up)))

    def drops(self, epochs: int) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The base rate from beginning to end."""

    def factor(self, epoch: float, epochs: int) -> float:
        return 1.0

    def drops(self, epochs: int) -> tuple[int, ...]:
        return ()


@runtime_checkable
class Optimiser(Protocol):
    """An optimiser as it stands in a recipe."""

    @property
    def lr(self) -> float: ...

    @property
    def schedule(self) -> Schedule: ...

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer: ...


_A_SCHEDULE = "a schedule such as Cosine()"


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent with momentum; the defaults are the reference benchmark's."""

    lr: float = searched(0.05, FloatDistribution(0.005, 0.5, log=True))
    momentum: float = 0.9
    nesterov: bool = searched(False, CategoricalDistribution((False, True)))
    weight_decay: float = searched(5e-4, FloatDistribution(1e-5, 5e-3, log=True))
    schedule: Schedule = field(default=Step(), metadata=rule(_A_SCHEDULE))

    def __post_init__(self) -> None:
        _check(self)

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            parameters, self.lr, self.momentum, weight_decay=self.weight_decay, nesterov=self.nesterov
        )


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam, as the information-flow method trains."""

    lr: float = searched(1e-3, FloatDistribution(1e-4, 1e-2, log=True))
    weight_decay: float = 0.0
    schedule: Schedule = field(default=Constant(), metadata=rule(_A_SCHEDULE))

    def __post_init__(self) -> None:
        _check(self)

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, self.lr, weight_decay=self.weight_decay)


def _check(optimiser: SGD | Adam) -> None:
    check_fields(type(optimiser), vars(optimiser))
    if not (math.isfinite(optimiser.lr) and optimiser.lr > 0):
        raise InvalidError(f"the learning rate must be above 0, got {optimiser.lr}")
