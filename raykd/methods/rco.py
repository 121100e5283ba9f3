"""RCO: the student follows anchors on the teacher's training route (Jin et al., ICCV 2019, arXiv 1904.09149).

A converged teacher is a hard target for a small student; its own earlier checkpoints are nearer. The student
learns from a few of them in turn, easy to hard, carrying its weights over, and ends with the final teacher.

* Equal epoch interval: n anchors after T k / n epochs of the teacher's T, k = 1..n. One anchor is plain KD.
* Greedy search: with r_ij = sum KL(P_j || S_i) / sum KL(P_i || S_i) over held-out images, S_i the student
  that has learnt from checkpoint i, go from i to the farthest j > i with r_ij <= 1 + delta, or else to i + 1.

No official code exists and the paper's body could not be read: the selection rules, the value of delta and
the two schedules (`restart`) are a reconstruction. Both schedules spend the same total number of epochs, so
that a comparison with KD over as many epochs is fair. Left out: hint and mimic losses of the paper's face
experiments, which are terms of their own here.
"""

from dataclasses import dataclass

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from raykd.errors import InvalidError
from raykd.protocols.method import Ratio, Shapes
from raykd.space.ranges import searched


def equal_interval(num_epochs: int, count: int) -> list[int]:
    """The teacher epochs, counted from 1, of `count` anchors at equal intervals; the last is `num_epochs`.

    Raises:
        ValueError: more anchors than epochs, or none.
    """
    if not 1 <= count <= num_epochs:
        raise InvalidError(f"need 1 to {num_epochs} anchors for {num_epochs} epochs, got {count}")
    return [num_epochs * k // count for k in range(1, count + 1)]


def greedy(ratio: Ratio, num_checkpoints: int, delta: float) -> list[int]:
    """The checkpoints, counted from 1, that the greedy search visits; the last is `num_checkpoints`.

    Args:
        ratio: r_ij for checkpoints i < j, measured with the student that has just learnt from i.
        delta: how much harder than the last anchor the next may be, at least 0; infinity goes straight to the end.
    """
    anchors = [1]
    while anchors[-1] < num_checkpoints:
        anchors.append(_farthest(ratio, anchors[-1], num_checkpoints, delta))
    return anchors


@dataclass(frozen=True, kw_only=True)
class FinalTeacher:
    """No route: the final teacher from the first epoch to the last, as in ordinary distillation."""

    restart: bool = False

    def check(self, shapes: Shapes, epochs: int) -> None:
        pass

    def starts(self, epochs: int) -> tuple[int, ...]:
        return (0,)

    def choose(self, visited: tuple[int, ...], num_checkpoints: int, ratio: Ratio) -> int:
        return num_checkpoints


@dataclass(frozen=True, kw_only=True)
class EqualInterval:
    """Anchors at equal intervals of the teacher's checkpoints, each for an equal share of the student's epochs.

    Args:
        count: number of anchors.
        restart: start each leg with a fresh optimiser and the learning rate's schedule from its beginning,
            instead of one schedule over the whole run.
    """

    count: int = searched(4, IntDistribution(1, 6))
    restart: bool = searched(False, CategoricalDistribution((False, True)))

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidError(f"need at least 1 anchor, got count {self.count}")

    def check(self, shapes: Shapes, epochs: int) -> None:
        _check_count(self.count, shapes, epochs)

    def starts(self, epochs: int) -> tuple[int, ...]:
        return _equal_starts(epochs, self.count)

    def choose(self, visited: tuple[int, ...], num_checkpoints: int, ratio: Ratio) -> int:
        return equal_interval(num_checkpoints, self.count)[len(visited)]


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """Anchors found during training: after each leg, the farthest checkpoint that is not too hard yet.

    The run is cut into `count` equal legs, which bounds the number of anchors; the last leg follows the
    final teacher, and so do all legs after the search has reached it.

    Args:
        count: number of legs, the most anchors that the search may take.
        delta: how much harder than the last anchor the next may be.
        restart: as for `EqualInterval`.
    """

    count: int = searched(4, IntDistribution(2, 6))
    delta: float = searched(0.8, FloatDistribution(0.2, 2.0))
    restart: bool = searched(False, CategoricalDistribution((False, True)))

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidError(f"need at least 1 anchor, got count {self.count}")
        if self.delta < 0:
            raise InvalidError(f"delta must be at least 0, got {self.delta}")

    def check(self, shapes: Shapes, epochs: int) -> None:
        _check_count(self.count, shapes, epochs)

    def starts(self, epochs: int) -> tuple[int, ...]:
        return _equal_starts(epochs, self.count)

    def choose(self, visited: tuple[int, ...], num_checkpoints: int, ratio: Ratio) -> int:
        if len(visited) + 1 >= self.count or (visited and visited[-1] == num_checkpoints):
            return num_checkpoints
        return _farthest(ratio, visited[-1], num_checkpoints, self.delta) if visited else 1


def _farthest(ratio: Ratio, current: int, num_checkpoints: int, delta: float) -> int:
    later = range(current + 1, num_checkpoints + 1)
    return max((j for j in later if ratio(current, j) <= 1 + delta), default=current + 1)


def _equal_starts(epochs: int, count: int) -> tuple[int, ...]:
    return (0, *equal_interval(epochs, count)[:-1])


def _check_count(count: int, shapes: Shapes, epochs: int) -> None:
    if count > shapes.num_checkpoints:
        raise InvalidError(
            f"route/count: {count} anchors need at least as many checkpoints, the teacher keeps "
            f"{shapes.num_checkpoints}"
        )
    if count > epochs:
        raise InvalidError(f"route/count: {count} anchors need at least as many epochs, the run has {epochs}")
