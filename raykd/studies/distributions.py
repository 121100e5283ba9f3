"""What a study does with Optuna's distributions: drawing, joining, their ends and all of their values."""

import math
from random import Random
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial


def draw(trial: BaseTrial, path: str, distribution: BaseDistribution) -> None:
    """Lets Optuna draw a value."""
    if isinstance(distribution, CategoricalDistribution):
        trial.suggest_categorical(path, distribution.choices)
    elif isinstance(distribution, FloatDistribution):
        trial.suggest_float(path, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    else:
        assert isinstance(distribution, IntDistribution)
        trial.suggest_int(path, distribution.low, distribution.high, step=distribution.step, log=distribution.log)


def both(one: BaseDistribution, other: BaseDistribution) -> BaseDistribution:
    """The range that holds two of one kind; of two kinds the second."""
    if one == other or type(one) is not type(other):
        return other
    if isinstance(one, CategoricalDistribution) and isinstance(other, CategoricalDistribution):
        return CategoricalDistribution(list(dict.fromkeys((*one.choices, *other.choices))))
    assert isinstance(one, FloatDistribution | IntDistribution)
    assert isinstance(other, FloatDistribution | IntDistribution)
    low, high = min(one.low, other.low), max(one.high, other.high)
    return type(other)(low, high, log=one.log and other.log)  # pyright: ignore[reportArgumentType]


def ends(distribution: BaseDistribution) -> tuple[Any, ...]:
    """Its lowest and its highest value, or all that are given by name."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return distribution.low, distribution.high


def every_value(distribution: BaseDistribution, stream: Random) -> list[Any]:
    """All values in random order; of a range without steps, which has too many, one at random."""
    if isinstance(distribution, CategoricalDistribution):
        return stream.sample(distribution.choices, len(distribution.choices))
    if isinstance(distribution, IntDistribution):
        values = range(distribution.low, distribution.high + 1, distribution.step)
        return stream.sample(values, len(values))
    assert isinstance(distribution, FloatDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is not None:
        stepped = [low + number * step for number in range(round((high - low) / step) + 1)]
        return stream.sample(stepped, len(stepped))
    if distribution.log:
        return [min(high, max(low, math.exp(stream.uniform(math.log(low), math.log(high)))))]
    return [stream.uniform(low, high)]
