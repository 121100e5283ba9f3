"""Which trials go on at a rung where there are two goals: those of the first fronts of accuracy and cost.

Compared by accuracy alone, small students would be stopped for being small. At each rung trials are sorted into fronts
(`raykd.evaluation.front`), and one goes on while fewer than one of `reduction` are in fronts before its own. So a trial
of the first front always goes on, and where all cost the same this is asynchronous successive halving by accuracy. As
MO-ASHA (Schmucker et al., arXiv 2106.12639), which has a fixed number go on and picks among those of one front.
"""

import math

from raykd.evaluation.front import fronts


class FrontRungs:
    """What a search of two goals knows of its rungs.

    Args:
        reduction: of so many trials at a rung one goes on.
    """

    def __init__(self, reduction: int):
        self._reduction = reduction
        self._there: dict[int, dict[str, tuple[float, float]]] = {}  # by epoch, by trial: accuracy and cost
        self._went_on = set[tuple[str, int]]()

    def goes_on(self, trial: str, epoch: int, accuracy: float, cost: float) -> bool:
        """Notes where a trial is at a rung; says whether it goes on from there, of one that is there as it was said."""
        there = self._there.setdefault(epoch, {})
        if trial not in there:
            there[trial] = (accuracy if math.isfinite(accuracy) else -math.inf, cost)
            numbers = dict(zip(there, fronts(list(there.values())), strict=True))
            before = sum(number < numbers[trial] for number in numbers.values())
            if before < max(1.0, len(there) / self._reduction):
                self._went_on.add((trial, epoch))
        return (trial, epoch) in self._went_on

    def note(self, trial: str, epoch: int, accuracy: float, cost: float) -> None:
        """Notes where a trial was at a rung, from which it went on."""
        self._there.setdefault(epoch, {})[trial] = (accuracy if math.isfinite(accuracy) else -math.inf, cost)
        self._went_on.add((trial, epoch))
