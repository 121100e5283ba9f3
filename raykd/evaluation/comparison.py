"""How sure a difference is: means over seeds, and differences paired by seed, with their intervals.

Where each seed holds out images of its own, the runs' training sets overlap, and their accuracies vary less than those
of independent sets would. The variance of a mean difference over n seeds is then not s^2/n but
(1/n + held out/trained) s^2 (Nadeau and Bengio, Machine Learning 52, 2003). That share is `overlap` here: 0 where all
seeds have one split.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from raykd.errors import InvalidError

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over seeds.

    Args:
        mean: of the values.
        low, high: its interval; NaN for a single value.
        count: of values.
    """

    mean: float
    low: float
    high: float
    count: int

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, kw_only=True)
class Difference(Mean):
    """A mean of differences.

    Args:
        p: how likely a mean at least as far from 0 is if there is no difference; two-sided, NaN for a single value.
        wanted: about how many pairs would settle that the mean is not 0, if it and the spread stay what they are; None
            where no number would.
    """

    p: float
    wanted: int | None

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of at least one value, with its interval at 95 %."""
    mean, half = statistics.fmean(values), _half(values, overlap=0.0, comparisons=1)
    return Mean(mean=mean, low=mean - half, high=mean + half, count=len(values))


def paired(ours: Sequence[float], theirs: Sequence[float], *, overlap: float = 0.0, comparisons: int = 1) -> Difference:
    """How much better ours are, pair by pair: a t test, its interval at 95 %.

    Args:
        comparisons: that are made together. The p is multiplied by it (Bonferroni), and the interval is as much wider,
            so that with 95 % all intervals hold at the same time.

    Raises:
        ValueError: not equally many of both, or none.
    """
    if len(ours) != len(theirs) or not ours:
        raise InvalidError(f"pairs need equally many values on both sides, got {len(ours)} and {len(theirs)}")
    values = [one - other for one, other in zip(ours, theirs, strict=True)]
    mean, half = statistics.fmean(values), _half(values, overlap, comparisons)
    return Difference(
        mean=mean,
        low=mean - half,
        high=mean + half,
        count=len(values),
        p=_p(values, overlap, comparisons),
        wanted=_wanted(values, overlap, comparisons),
    )


def is_behind(ours: Sequence[float], theirs: Sequence[float], overlap: float = 0.0) -> bool:
    """Whether ours are worse, by a one-sided paired t test at 5 %; never said of fewer than three pairs."""
    values = [one - other for one, other in zip(ours, theirs, strict=True)]
    if len(values) < 3:
        return False
    error = _error(values, overlap)
    mean = statistics.fmean(values)
    return mean < 0 if error == 0 else _cdf(mean / error, len(values) - 1) < 1 - LEVEL


def _error(values: Sequence[float], overlap: float) -> float:
    """The standard error of a mean of at least two values."""
    return statistics.stdev(values) * math.sqrt(1 / len(values) + overlap)


def _half(values: Sequence[float], overlap: float, comparisons: int) -> float:
    return math.nan if len(values) < 2 else _quantile(len(values) - 1, comparisons) * _error(values, overlap)


def _p(values: Sequence[float], overlap: float, comparisons: int) -> float:
    if len(values) < 2:
        return math.nan
    mean, error = statistics.fmean(values), _error(values, overlap)
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return min(1.0, comparisons * 2 * _cdf(-abs(mean / error), len(values) - 1))


def _wanted(values: Sequence[float], overlap: float, comparisons: int) -> int | None:
    if len(values) < 2:
        return None
    mean, spread = abs(statistics.fmean(values)), statistics.stdev(values)
    for count in range(2, _MOST_WANTED):
        if mean > _quantile(count - 1, comparisons) * spread * math.sqrt(1 / count + overlap):
            return count
    return None


_MOST_WANTED = 1000


# SciPy's `special` takes a tenth of the second that its `stats` takes to import.
def _cdf(t: float, degrees: int) -> float:
    from scipy.special import stdtr

    return float(stdtr(degrees, t))


def _quantile(degrees: int, comparisons: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - (1 - LEVEL) / (2 * comparisons)))
