"""What a search knows of its trials: which ones were begun, what they told of epochs, a record of each that has ended.

All of it is in the search's ledger too (`raykd.runs.ledger`), from which the next driver has it (`replay.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from raykd.cluster.tuner.ended_trials import UNFINISHED, EndedTrials, Record
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.ledger import Ledger

Config = dict[str, Any]


@dataclass
class Begun:
    """A trial that has not ended.

    Args:
        config: as the searcher made it.
        told: the last epoch that a driver has heard of; 0 before the first.
        epochs: accuracies, by epoch, that it was judged by.
    """

    config: Config
    told: int = 0
    epochs: dict[int, float] = field(default_factory=dict)


class History:
    """The trials of one search.

    Args:
        ledger: where all of it is written; None for nowhere.
    """

    def __init__(self, ledger: Ledger | None = None):
        self.records, self.begun = EndedTrials(), dict[str, Begun]()  # by name
        self._ledger = ledger

    def begin(self, name: str, config: Config, drawn: Sequence[Config] = ()) -> None:
        """Takes note of a new trial.

        Args:
            drawn: settings that were drawn before it, and were known.
        """
        self.begun[name] = Begun(config)
        self._add(begin=name, config=config, drawn=list(drawn))

    def told(self, name: str) -> int:
        """The last epoch of a trial that a driver has heard of; 0 before the first."""
        return self.begun[name].told if name in self.begun else 0

    def epoch(self, name: str, number: int, accuracy: float, *, is_last: bool) -> None:
        """Takes note of an epoch of a trial that was begun.

        Args:
            is_last: the trial ends by it. That is written with its end alone: a driver that dies in between leaves the
                decision to the next one.
        """
        begun = self.begun[name]
        begun.told, begun.epochs[number] = number, accuracy
        if not is_last:
            self._add(at_once=False, epoch=number, of=name, accuracy=accuracy)

    def fall_behind(self, name: str) -> None:
        """Takes note of a finalist that gets no more seeds."""
        self._add(behind=name)

    def end(self, record: Record, *, of_tune: str, again: bool) -> None:
        """Takes note of a trial's end.

        Args:
            of_tune: Tune's id of it.
            again: whether the next driver shall try it once more.
        """
        self.begun.pop(record.name, None)
        self.records.add(record, of_tune)
        self._add(end=record.name, **vars(record.end), again=again)

    def go_on_with(self, name: str) -> None:
        """Takes note that a trial of another driver's is gone on with here, perhaps one that had failed."""
        self.records.discard(name)

    def found(self) -> list[Record]:
        """A record of each trial that was begun, once by its name."""
        left = {name: _unfinished(name, begun) for name, begun in self.begun.items()}
        return [*(left | {record.name: record for record in self.records}).values()]

    def flush(self) -> None:
        """Writes what has waited."""
        if self._ledger is not None:
            self._ledger.flush()

    def close(self) -> None:
        """Writes all that is left.

        Raises:
            OSError: it cannot be written.
        """
        if self._ledger is not None:
            self._ledger.close()

    def _add(self, *, at_once: bool = True, **entry: Any) -> None:
        if self._ledger is not None:
            self._ledger.add(at_once=at_once, **entry)


def _unfinished(name: str, begun: Begun) -> Record:
    end = TrialOutcome(kind=UNFINISHED, accuracy=begun.epochs.get(begun.told), epochs=begun.told)
    return Record(name=name, config=begun.config, end=end)
