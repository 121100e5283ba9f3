"""Keeps a search's storage bounded: of the trials that have ended, the best keep their checkpoints, and the baselines.

What is known of the others stays: their recipe, values, epochs and scalars. A trial that has not ended keeps its last
checkpoint, to go on from; one that failed keeps it for whoever wants to know why.
"""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

from raykd.mirror import Mirror
from raykd.search_state import Ended
from raykd.trial import CHECKPOINT, checkpoints_in

KEPT = 5
_LAG_S = 60.0  # by then Tune has saved that the trial has ended: none is ever started again without its checkpoint


class Pruning:
    """Deletes the checkpoints of ended trials, a while after their end.

    Args:
        trials: the folder of the trials.
        mirror: of the storage, where it has the checkpoints too.
    """

    def __init__(self, trials: Path, mirror: Mirror | None = None):
        self._trials = trials
        self._mirror = None if mirror is None else mirror.impatient()
        self._ended_at: dict[str, float] = {}
        self._pruned: set[str] = set()

    def prune(self, ended: Mapping[str, Ended]) -> None:
        """Deletes what need not be kept of these trials."""
        now = time.monotonic()
        for name in ended:
            self._ended_at.setdefault(name, now)
        keep = kept(ended)
        for name, at in self._ended_at.items():
            if name not in keep and name not in self._pruned and now - at > _LAG_S:
                with contextlib.suppress(OSError):  # the storage may be away for a while: tried again at the next end
                    self._delete(self._trials / name)
                    self._pruned.add(name)

    def _delete(self, trial: Path) -> None:
        for file in checkpoints_in(trial):
            file.unlink(missing_ok=True)
        if self._mirror is not None:
            self._mirror.delete(trial / CHECKPOINT)


def kept(ended: Mapping[str, Ended]) -> set[str]:
    """The names of those that keep their checkpoints."""
    trials = {name: end for name, end in ended.items() if name.startswith("trial-")}
    complete = [name for name, end in trials.items() if end.state == "complete"]
    best = sorted(complete, key=lambda name: trials[name].accuracy or 0.0, reverse=True)[:KEPT]
    return {*best, *(name for name, end in ended.items() if name not in trials or end.state == "failed")}
