"""Draws around a value: exact distributions, bounds, and every kind of range."""

import math
from collections import Counter
from random import Random
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import chisquare, kstest, truncnorm

from raykd.cluster.tuner.around import around, nearness, position, uniform
from raykd.space.ranges import holds

RANGES: list[tuple[BaseDistribution, Any]] = [
    (FloatDistribution(0.0, 2.0), 0.9),
    (FloatDistribution(1e-5, 5e-3, log=True), 5e-4),
    (FloatDistribution(0.0, 1.0, step=0.25), 1.0),
    (IntDistribution(1, 6), 4),
    (IntDistribution(16, 1024, log=True), 64),
    (IntDistribution(2, 10, step=4), 2),
    (IntDistribution(3, 3), 3),
    (FloatDistribution(2.0, 2.0), 2.0),
    (CategoricalDistribution(("a", "b", "c")), "b"),
]


@pytest.mark.parametrize(("distribution", "centre"), RANGES, ids=str)
def test_every_draw_is_within_its_range_and_of_its_kind(distribution: BaseDistribution, centre: Any):
    stream = Random(0)
    for _ in range(300):
        for value in (around(distribution, centre, stream), uniform(distribution, stream)):
            assert holds(distribution, value) and type(value) is type(centre)


@pytest.mark.parametrize(("distribution", "centre"), RANGES[:2], ids=str)
def test_a_number_moves_by_a_quarter_of_its_range_on_its_own_scale(distribution: FloatDistribution, centre: float):
    scale = math.log if distribution.log else float
    low, high, middle = scale(distribution.low), scale(distribution.high), scale(centre)
    width, stream = 0.25 * (high - low), Random(0)
    drawn = [scale(around(distribution, centre, stream)) for _ in range(4000)]
    expected = truncnorm((low - middle) / width, (high - middle) / width, middle, width)
    assert kstest(drawn, expected.cdf).pvalue > 0.01
    anywhere = [scale(uniform(distribution, stream)) for _ in range(4000)]
    assert kstest(anywhere, lambda value: (value - low) / (high - low)).pvalue > 0.01


def test_steps_are_as_likely_as_the_parts_of_the_range_that_they_stand_for():
    """1 to 6 around 4: the normal distribution over 0.5 to 6.5, cut at 1.5, 2.5, ..."""
    counts = Counter(around(IntDistribution(1, 6), 4, Random(number)) for number in range(6000))
    normal = truncnorm((0.5 - 4) / 1.5, (6.5 - 4) / 1.5, 4, 1.5)
    expected = [6000 * (normal.cdf(value + 0.5) - normal.cdf(value - 0.5)) for value in range(1, 7)]
    assert chisquare([counts[value] for value in range(1, 7)], expected).pvalue > 0.01


def test_an_option_is_kept_in_half_of_the_draws_and_drawn_from_all_in_the_others():
    options = CategoricalDistribution(("a", "b", "c", "d"))
    counts = Counter(around(options, "c", Random(number)) for number in range(4000))
    assert chisquare([counts[name] for name in "abcd"], [500, 500, 2500, 500]).pvalue > 0.01


def test_nearness_is_the_logarithm_of_a_draws_likelihood():
    options = CategoricalDistribution(("a", "b", "c", "d"))
    assert nearness(options, "c", "c") == 0.0
    assert nearness(options, "a", "c") == pytest.approx(math.log(0.125 / 0.625))
    assert nearness(FloatDistribution(0.0, 2.0), 1.5, 1.0) == pytest.approx(-0.5)  # one deviation away
    assert nearness(FloatDistribution(1e-4, 1.0, log=True), 1e-2, 1e-1) == pytest.approx(-0.5)
    assert nearness(FloatDistribution(2.0, 2.0), 2.0, 2.0) == 0.0


def test_positions():
    assert position(FloatDistribution(1e-4, 1.0, log=True), 1e-1) == pytest.approx(0.75)
    assert position(IntDistribution(1, 6), 1) == pytest.approx(1 / 12)
