"""What is kept of a trial that has ended, in place of all that Tune keeps of one.

Tune keeps every trial that there was, about 40 KiB of the driver's memory each, and looks through all of them, so that
every trial would make a search slower. Here a trial that has ended leaves Tune, and a record of it, less than a KiB,
stays.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ray.tune.experiment import Trial

from raykd.protocols.event import METRIC
from raykd.protocols.outcome import TrialOutcome

UNFINISHED = "unfinished"  # the kind of end of a trial that a search has left


@dataclass(frozen=True, kw_only=True)
class Record:
    """A trial that has ended, or that is left unfinished.

    Args:
        name: its own, see `Trials.name`.
        config: as the searcher made it.
        end: how it ended.
    """

    name: str
    config: dict[str, Any]
    end: TrialOutcome

    @classmethod
    def of(cls, trial: Trial, name: str, kind: str) -> "Record":
        """From what Tune has of a trial, with the kind of end that `TrialOutcome` has."""
        last = trial.last_result or {}
        accuracy, epochs = last.get(METRIC, math.nan), last.get("epoch", 0)
        end = TrialOutcome(kind=kind, accuracy=accuracy if math.isfinite(accuracy) else None, epochs=epochs)
        return cls(name=name, config=trial.config, end=end)


class EndedTrials:
    """The records of a search, in the order of the trials' ends."""

    def __init__(self) -> None:
        self._records = dict[str, Record]()  # by the trials' names
        self._of_tune = set[str]()  # Tune's ids of those that it still has

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def add(self, record: Record, of_tune: str = "") -> None:
        """Takes note of an end; of a trial that had failed and was tried again, in place of what was noted then.

        Args:
            of_tune: Tune's id of the trial; nothing where another driver has had it.
        """
        self._records[record.name] = record
        if of_tune:
            self._of_tune.add(of_tune)

    def discard(self, name: str) -> None:
        """Forgets the end of a trial that is tried again."""
        self._records.pop(name, None)

    def take_out(self, controller: Any) -> None:
        """Makes a controller of Tune forget the trials that have a record, but for the last and those that failed."""
        known = controller.get_trials()  # Tune's own list, as the next is its own set
        ended = [trial for trial in known if trial.status == Trial.TERMINATED]
        for trial in ended[:-1]:
            if trial.trial_id in self._of_tune:
                self._of_tune.remove(trial.trial_id)
                known.remove(trial)
                for trials in (controller.get_live_trials(), controller._stopped_trials, controller._trials_to_cache):
                    trials.discard(trial)
                controller._trial_metadata.pop(trial.trial_id, None)


def kind_of_end(last: dict[str, Any]) -> str:
    """How a trial ended that Tune counts as done, from its last result: complete, stopped, diverged or failed."""
    if last.get("error"):
        return "failed"
    if last.get("diverged"):
        return "diverged"
    if last.get("finished"):
        return "complete"
    return "stopped"
