"""Draws around a value that is known to be good, within any of Optuna's ranges.

A number moves by a normal deviate of a quarter of its range, on the range's own scale (a logarithm, steps), cut off at
the ends, as in PriorBand (Mallik et al., NeurIPS 2023, arXiv 2306.12370). An option is kept in half of the draws, and
drawn from all of them in the others.
"""

import math
from random import Random
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

WIDTH = 0.25  # of the range, the standard deviation
KEPT = 0.5


def uniform(distribution: BaseDistribution, stream: Random) -> Any:
    """A value from anywhere in a range, as Optuna's `RandomSampler` draws it."""
    if isinstance(distribution, CategoricalDistribution):
        return stream.choice(distribution.choices)
    return _value(distribution, stream.random())


def around(distribution: BaseDistribution, centre: Any, stream: Random) -> Any:
    """A value near another one of the same range."""
    if isinstance(distribution, CategoricalDistribution):
        return centre if stream.random() < KEPT else stream.choice(distribution.choices)
    middle, place = position(distribution, centre), -1.0
    while not 0.0 <= place <= 1.0:
        place = stream.gauss(middle, WIDTH)
    return _value(distribution, place)


def nearness(distribution: BaseDistribution, value: Any, centre: Any) -> float:
    """The logarithm of how likely `around` is to draw a value, 0 where it is the centre."""
    if isinstance(distribution, CategoricalDistribution):
        other = (1.0 - KEPT) / len(distribution.choices)
        return 0.0 if value == centre else math.log(other / (KEPT + other))
    return -(((position(distribution, value) - position(distribution, centre)) / WIDTH) ** 2) / 2.0


def position(distribution: BaseDistribution, value: Any) -> float:
    """Where a number lies within a range, 0 to 1 on the range's own scale."""
    low, high = _ends(distribution)
    return ((math.log(value) if _is_log(distribution) else value) - low) / (high - low) if high > low else 0.5


def _value(distribution: BaseDistribution, place: float) -> Any:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = _ends(distribution)
    value = low + place * (high - low)
    value = math.exp(value) if distribution.log else value
    if distribution.step is not None:
        value = distribution.low + round((value - distribution.low) / distribution.step) * distribution.step
    inside = min(max(value, distribution.low), distribution.high)
    return int(inside) if isinstance(distribution, IntDistribution) else float(inside)


def _ends(distribution: BaseDistribution) -> tuple[float, float]:
    """The ends on the range's own scale; of a range with steps half a step further, so that no step is less likely."""
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    half = (distribution.step or 0.0) / 2.0
    low, high = distribution.low - half, distribution.high + half
    return (math.log(low), math.log(high)) if distribution.log else (low, high)


def _is_log(distribution: BaseDistribution) -> bool:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return distribution.log
