"""Keeps a search's storage bounded: of the trials that have ended, the best keep their checkpoints, and the baselines.

Of a search of two goals the front keeps them too, as each of its points is a result.

What is known of the others stays: their recipe, values, epochs and scalars. A trial that has not ended keeps its last
checkpoint, to go on from; one that failed keeps it for whoever wants to know why.
"""

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from raykd.evaluation.front import Point, first_front
from raykd.protocols.event import Event, SearchResumed, TrialBegan, TrialEnded
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.trial import CHECKPOINT, VALUES, checkpoints_in
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
        cost: that is a second goal, of a setting; None where accuracy is the only one.
    """

    def __init__(
        self,
        trials: Path,
        storage: Storage,
        kept: int = KEPT,
        cost: Callable[[Mapping[str, Any]], float] | None = None,
    ):
        self._trials, self._kept, self._cost = trials, kept, cost
        self._storage, self._reader = storage.without_waiting(), storage
        self._begun: dict[str, Mapping[str, Any]] = {}
        self._best: dict[str, float] = {}
        self._front: dict[str, Point] = {}
        self._fresh: deque[tuple[float, str]] = deque()
        self._due: set[str] = set()  # that need not be kept, unless they are among the best

    def __call__(self, event: Event, /) -> None:
        match event:
            case SearchResumed(ended=ended):
                for name, outcome in ended.items():
                    self._note(name, outcome)
            case TrialBegan(trial=name, values=values) if self._cost is not None:
                self._begun[name] = values
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
            if self._cost is not None:
                self._front[name] = (end.accuracy or 0.0, self._cost(self._setting(name)))
                names = list(self._front)
                self._front = {
                    names[place]: self._front[names[place]] for place in first_front([*self._front.values()])
                }
        self._fresh.append((time.monotonic(), name))

    def _prune(self) -> None:
        """Deletes what need not be kept."""
        now = time.monotonic()
        while self._fresh and now - self._fresh[0][0] > _LAG_S:
            self._due.add(self._fresh.popleft()[1])
        for name in self._due - self._best.keys() - self._front.keys():
            with contextlib.suppress(OSError):  # the storage may be away for a while: tried again at the next end
                self._delete(self._trials / name)
                self._due.remove(name)

    def _setting(self, name: str) -> Mapping[str, Any]:
        """That of a trial that has ended; where another process has seen it begin, as it is written."""
        return self._begun.pop(name, None) or json.loads(self._reader.read_back(self._trials / name / VALUES))

    def _delete(self, trial: Path) -> None:
        for file in checkpoints_in(trial):
            file.unlink(missing_ok=True)
        self._storage.delete(trial / CHECKPOINT)
