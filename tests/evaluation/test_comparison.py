"""Means, paired differences and their intervals, against SciPy's own tests and numbers to be checked by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from raykd.evaluation.comparison import is_behind, mean_of, paired

OURS = [0.95, 0.96, 0.94, 0.97, 0.95]
THEIRS = [0.94, 0.94, 0.935, 0.95, 0.945]


def test_a_mean_and_its_interval():
    found = mean_of(OURS)
    low, high = stats.t.interval(0.95, 4, np.mean(OURS), stats.sem(OURS))
    assert (found.mean, found.count) == (pytest.approx(0.954), 5)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.half == pytest.approx((high - low) / 2)


def test_one_value_has_no_interval():
    found = mean_of([0.9])
    assert found.mean == 0.9
    assert math.isnan(found.low)
    assert math.isnan(paired([0.9], [0.8]).p)
    assert paired([0.9], [0.8]).wanted is None
    assert not paired([0.9], [0.8]).is_sure


def test_a_paired_difference_is_the_paired_t_test():
    found, theirs = paired(OURS, THEIRS), stats.ttest_rel(OURS, THEIRS)
    assert found.mean == pytest.approx(0.012)
    assert found.p == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert found.is_sure


def test_more_comparisons_ask_for_more():
    one, three = paired(OURS, THEIRS), paired(OURS, THEIRS, comparisons=3)
    assert three.p == pytest.approx(3 * one.p)
    interval = stats.ttest_rel(OURS, THEIRS).confidence_interval(1 - 0.05 / 3)
    assert (three.low, three.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert (three.p < 0.05) == three.is_sure


def test_overlapping_training_sets_widen_an_interval_as_nadeau_and_bengio_say():
    """450 images held out, 900 trained on, 5 seeds: the variance is 0.2 + 0.5 times s^2 in place of 0.2."""
    one, other = paired(OURS, THEIRS), paired(OURS, THEIRS, overlap=450 / 900)
    assert other.half / one.half == pytest.approx(math.sqrt(0.7 / 0.2))
    assert other.p > one.p


def test_as_many_pairs_as_are_wanted_settle_it():
    close = [0.0, 0.02, -0.01, 0.015, 0.0]
    found = paired(close, [0.0] * 5)
    assert not found.is_sure
    assert found.wanted is not None
    spread, mean = np.std(close, ddof=1), np.mean(close)
    for count, enough in ((found.wanted - 1, False), (found.wanted, True)):
        assert (mean > stats.t.ppf(0.975, count - 1) * spread / math.sqrt(count)) is np.bool_(enough)
    assert paired(close, [0.0] * 5, overlap=0.5).wanted is None  # no number of seeds speaks for other images
    assert paired([0.01, -0.01], [0.0, 0.0]).wanted is None


def test_equal_values_differ_by_nothing():
    found = paired(OURS, OURS)
    assert (found.mean, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert paired([0.5, 0.6], [0.4, 0.5]).p == pytest.approx(0.0, abs=1e-6)


def test_who_is_behind():
    assert is_behind(THEIRS[:3], OURS[:3]) == (stats.ttest_rel(THEIRS[:3], OURS[:3], alternative="less").pvalue < 0.05)
    assert is_behind(THEIRS, OURS)
    assert not is_behind(OURS, THEIRS)
    assert not is_behind([0.1, 0.1], [0.9, 0.8])  # two pairs say nothing
    assert not is_behind(OURS, OURS)
    assert is_behind([0.1, 0.1, 0.1], [0.2, 0.2, 0.2])


def test_pairs_are_pairs():
    with pytest.raises(ValueError, match="equally many values on both sides, got 1 and 2"):
        paired([0.1], [0.1, 0.2])
