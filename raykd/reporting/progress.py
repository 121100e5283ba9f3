"""What a person sees while a search runs: one line that keeps itself current, or a line for each trial in a log."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console

from raykd.protocols.event import (
    Doing,
    EpochEnded,
    Event,
    Said,
    SearchResumed,
    SearchStopping,
    TotalChanged,
    TrialEnded,
)
from raykd.protocols.outcome import TrialOutcome, is_comparable
from raykd.reporting.status_line import StatusLine, clock
from raykd.reporting.words import in_words, is_silenced


@dataclass
class Progress:
    """A listener that shows trials done, the best so far and the time left, on one line.

    On a terminal the line is rewritten in place; elsewhere a line is written for each finished trial.

    Args:
        total: trials of the search, baselines and confirmation included.
        console: where to write; nowhere by default where the logger `raykd` is silenced.
    """

    total: int
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True, quiet=is_silenced()))
    done: int = 0
    failed: int = 0
    best: float | None = None
    best_name: str = ""
    _started: float | None = None
    _first_done: int = 0

    def __post_init__(self) -> None:
        self._line = StatusLine(self.console, otherwise=self._summary)

    def __enter__(self) -> "Progress":
        self._line.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._line.__exit__(*exception)

    def __call__(self, event: Event, /) -> None:
        match event:
            case Said(text=text):
                self._line.say(text)
            case Doing() | SearchStopping():
                self._line.status(in_words(event))
            case SearchResumed(ended=ended):
                self._go_on(ended)
            case TotalChanged(total=total):
                self.total = total
                if line := in_words(event):
                    self._line.say(line)
            case EpochEnded():  # the time left is counted from the first one
                self._line.status("")
                self._started = self._started or time.monotonic()
            case TrialEnded():
                self._end(event)
            case _:
                pass

    def _go_on(self, ended: Mapping[str, TrialOutcome]) -> None:
        self.done = self._first_done = len(ended)
        for name, outcome in ended.items():
            self._compare(name, outcome)

    def _end(self, event: TrialEnded) -> None:
        self.done += 1
        self.failed += event.outcome.kind == "failed"
        self._compare(event.trial, event.outcome)
        if not self._line.is_live:
            self._line.say(f"{in_words(event)}; {self._summary()}")

    def _compare(self, name: str, outcome: TrialOutcome) -> None:
        """Remembers a trial that ran to its end if none before was as good."""
        accuracy = outcome.accuracy if is_comparable(name, outcome) else None
        if accuracy is not None and (self.best is None or accuracy > self.best):
            self.best, self.best_name = accuracy, name

    def _summary(self) -> str:
        best = "none yet" if self.best is None else f"{self.best:.4f} ({self.best_name})"
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.total} trials done{failed}, best so far {best}, {self._time_left()}"

    def _time_left(self) -> str:
        finished = self.done - self._first_done
        elapsed = time.monotonic() - (self._started or time.monotonic())
        if not finished:
            return f"{clock(elapsed)} so far"
        return f"about {clock(elapsed / finished * (self.total - self.done))} left"
