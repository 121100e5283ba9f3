"""An epoch of a run, as the loop hands it to whoever listens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor

State = dict[str, Any]


@dataclass(frozen=True)
class AnchorRatio:
    """How hard a checkpoint of the teacher was for the student when a leg of the route began: RCO's r_ij.

    Args:
        leg: the leg that begins, counted from 1; the first one asks for no ratio.
        anchor: the checkpoint that the student has learnt from, counted from 1; i in r_ij.
        candidate: the checkpoint that is asked about, j.
        anchor_epoch, candidate_epoch: the epochs of the teacher's training that these were kept at.
        ratio: r_ij; 1 is as hard as the anchor.
    """

    leg: int
    anchor: int
    candidate: int
    anchor_epoch: int
    candidate_epoch: int
    ratio: float


@dataclass(frozen=True)
class Epoch:
    """What is known when an epoch ends.

    Args:
        number: epochs finished, from 1, of `epochs`.
        metrics: `train/loss` and `train/TERM` (unweighted, means over the epoch), `train/learning_rate` (of the
            last step), `train/keep` (the probability of IAKD), `train/anchor` (the teacher's epoch; 0 without a
            teacher), `train/accuracy` (0 to 1, of the views as they were trained on, with the teacher's stages where
            they were swapped in), `val/accuracy` (0 to 1), `val/loss` (mean cross-entropy with the labels, in nats).
        seconds: wall time of the epoch.
        state: gives what `distill(resume=...)` goes on from; to be called before the next epoch is asked for.
        student: gives the weights of the plain student network; likewise.
        diverged: the loss, or a class score of a validation image, was not a finite number; the run ends here and
            its accuracy counts as 0.
        ratios: of the leg of a greedy route that began with this epoch; else none.
    """

    number: int
    epochs: int
    metrics: dict[str, float]
    seconds: float
    state: Callable[[], State] = field(repr=False)
    student: Callable[[], dict[str, Tensor]] = field(repr=False)
    diverged: bool = False
    ratios: tuple[AnchorRatio, ...] = ()


@runtime_checkable
class FinishedEpoch(Protocol):
    """What listeners read of an epoch; `raykd.protocols.epoch.Epoch` is one."""

    @property
    def number(self) -> int:
        """Epochs finished, from 1."""
        ...

    @property
    def epochs(self) -> int:
        """Epochs of the whole run."""
        ...

    @property
    def metrics(self) -> dict[str, float]: ...

    @property
    def state(self) -> Callable[[], dict[str, Any]]:
        """Gives everything that a run needs to go on after this epoch: tensors and plain values."""
        ...

    @property
    def diverged(self) -> bool: ...

    @property
    def ratios(self) -> tuple[AnchorRatio, ...]: ...


E = TypeVar("E", bound=FinishedEpoch)
