"""What a person sees while a search runs: one line that keeps itself current, or a line for each trial in a log."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console

from raykd.reporting.status_line import StatusLine, clock


@dataclass
class Progress:
    """Trials done, the best so far and the time left, on one line.

    On a terminal the line is rewritten in place; elsewhere a line is written for each finished trial.

    Args:
        total: trials of the search, baselines included.
        console: where to write.
    """

    total: int
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
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

    def status(self, text: str) -> None:
        """Shows what is going on now, until the next epoch ends."""
        self._line.status(text)

    def say(self, text: str) -> None:
        """Writes a line that stays, above the current one."""
        self._line.say(text)

    def resume(self, ended: Mapping[str, float | None]) -> None:
        """Counts trials that ended before this process began, by name, with their values as for `trial`."""
        self.done = self._first_done = len(ended)
        values = {name: value for name, value in ended.items() if value is not None}
        if values:
            self.best_name = max(values, key=lambda name: values[name])
            self.best = values[self.best_name]

    def epoch(self) -> None:
        """An epoch of a trial has ended; the time left is counted from the first one."""
        self._line.status("")
        self._started = self._started or time.monotonic()

    def trial(self, name: str, summary: str, value: float | None, failed: bool = False) -> None:
        """A trial has ended, with this value of the metric if it ran to its end."""
        self.done += 1
        self.failed += failed
        if value is not None and (self.best is None or value > self.best):
            self.best, self.best_name = value, name
        if not self._line.is_live:
            self.say(f"{name}: {summary}; {self._summary()}")

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
