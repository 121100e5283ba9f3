"""An epoch of a run, as the loop hands it to whoever listens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

State = dict[str, Any]


@dataclass(frozen=True)
class Epoch:
    """What is known when an epoch ends.

    Args:
        number: epochs finished, from 1, of `epochs`.
        metrics: `train/loss` and `train/TERM` (unweighted, means over the epoch), `train/learning_rate` (of the
            last step), `train/keep` (the probability of IAKD), `train/anchor` (the teacher's epoch; 0 without a
            teacher), `val/accuracy` (0 to 1).
        seconds: wall time of the epoch.
        state: gives what `distill(resume=...)` goes on from; to be called before the next epoch is asked for.
        student: gives the weights of the plain student network; likewise.
        diverged: the loss was not a finite number; the run ends here and its accuracy counts as 0.
    """

    number: int
    epochs: int
    metrics: dict[str, float]
    seconds: float
    state: Callable[[], State] = field(repr=False)
    student: Callable[[], dict[str, Tensor]] = field(repr=False)
    diverged: bool = False
