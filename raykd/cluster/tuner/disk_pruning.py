"""Keeps a search's storage bounded: of the trials that have ended, the best keep their checkpoints, and the baselines.

What is known of the others stays: their recipe, values, epochs and scalars. A trial that has not ended keeps its last
checkpoint, to go on from; one that failed keeps it for whoever wants to know why.
"""

import contextlib
import time
from collections import deque
from pathlib import Path

from raykd.protocols.event import Event, SearchResumed, TrialEnded
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.trial import CHECKPOINT, checkpoints_in
from raykd.storage.storage import Storage

KEPT = 5
_LAG_S = 60.0  # by then Tune has saved that the trial has ended: none is ever started again without its checkpoint


class Pruning:
    """A listener that deletes the checkpoints of ended trials, a while after their end.

    What it does at the end of a trial does not grow with the number of those that ended before.

    Args:
        trials: the folder of the trials.
        storage: that they lie in.
        kept: how many of the best keep theirs.
    """

    def __init__(self, trials: Path, storage: Storage, kept: int = KEPT):
        self._trials, self._kept = trials, kept
        self._storage = storage.without_waiting()
        self._best: dict[str, float] = {}
        self._fresh: deque[tuple[float, str]] = deque()
        self._due: set[str] = set()  # that need not be kept, unless they are among the best

    def __call__(self, event: Event, /) -> None:
        match event:
            case SearchResumed(ended=ended):
                for name, outcome in ended.items():
                    self._note(name, outcome)
            case TrialEnded(trial=name, outcome=outcome):
                self._note(name, outcome)
                self._prune()
            case _:
                pass

    def _note(self, name: str, end: TrialOutcome) -> None:
        """Takes note of a trial that has ended, perhaps for the second time: a failed one may have been tried again."""
        if not name.startswith("trial-") or end.kind == "failed":
            return
        if end.kind == "complete":
            self._best[name] = end.accuracy or 0.0
            self._best = dict(sorted(self._best.items(), key=lambda item: item[1], reverse=True)[: self._kept])
        self._fresh.append((time.monotonic(), name))

    def _prune(self) -> None:
        """Deletes what need not be kept."""
        now = time.monotonic()
        while self._fresh and now - self._fresh[0][0] > _LAG_S:
            self._due.add(self._fresh.popleft()[1])
        for name in self._due - self._best.keys():
            with contextlib.suppress(OSError):  # the storage may be away for a while: tried again at the next end
                self._delete(self._trials / name)
                self._due.remove(name)

    def _delete(self, trial: Path) -> None:
        for file in checkpoints_in(trial):
            file.unlink(missing_ok=True)
        self._storage.delete(trial / CHECKPOINT)
