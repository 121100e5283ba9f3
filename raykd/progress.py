"""What a person sees while a search runs: one line that keeps itself current, or a line for each trial in a log."""

import math
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.text import Text


_STATUS_EVERY_S = 10.0


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
    _live: Live | None = None
    _status: str = ""
    _status_shown: float = -math.inf

    def __enter__(self) -> "Progress":
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=4, transient=True, get_renderable=self._line)
            self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
            self._live = None

    def status(self, line: str) -> None:
        """Shows what is going on now: in place on a terminal, elsewhere a line at most every ten seconds."""
        self._status = line
        if self._live is None and time.monotonic() - self._status_shown > _STATUS_EVERY_S:
            self._status_shown = time.monotonic()
            self.say(line)

    def say(self, line: str) -> None:
        """Writes a line above the current one."""
        self.console.print(line, markup=False)

    def resume(self, done: int) -> None:
        """Counts trials that were done before this process began."""
        self.done = self._first_done = done

    def epoch(self) -> None:
        """An epoch of a trial has ended; the time left is counted from the first one."""
        self._status = ""
        self._started = self._started or time.monotonic()

    def trial(self, name: str, summary: str, value: float | None, failed: bool = False) -> None:
        """A trial has ended, with this value of the metric if it ran to its end."""
        self.done += 1
        self.failed += failed
        if value is not None and (self.best is None or value > self.best):
            self.best, self.best_name = value, name
        if self._live is None:
            self.say(f"{name}: {summary}; {self._line()}")

    def _line(self) -> Text:
        if self._status:
            return Text(self._status)
        best = "none yet" if self.best is None else f"{self.best:.4f} ({self.best_name})"
        failed = f", {self.failed} failed" if self.failed else ""
        return Text(f"{self.done} of {self.total} trials done{failed}, best so far {best}, {self._time_left()}")

    def _time_left(self) -> str:
        finished = self.done - self._first_done
        elapsed = time.monotonic() - (self._started or time.monotonic())
        if not finished:
            return f"{_clock(elapsed)} so far"
        return f"about {_clock(elapsed / finished * (self.total - self.done))} left"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
