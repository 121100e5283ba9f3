"""How fast the trials of a search train, seen by a listener: what its start and its end take is left out."""

import os
import statistics
import time

from cost import cpu_seconds

from raykd.protocols.event import EpochEnded, Event


class Watch:
    """A listener that keeps when each epoch of the trials ended, and what all processes had used by then."""

    def __init__(self) -> None:
        self._ends: dict[str, list[float]] = {}
        self._used = list[dict[tuple[int, int], float]]()

    def __call__(self, event: Event) -> None:
        if isinstance(event, EpochEnded):
            self._ends.setdefault(event.trial, []).append(time.monotonic())
            self._used.append(cpu_seconds(os.getpid()))

    def epochs_per_second(self) -> float:
        """Of a trial, from its first epoch's end to its last one's; the median over trials, baselines left out."""
        ends = [times for trial, times in self._ends.items() if trial.startswith("trial-")]
        return statistics.median((len(times) - 1) / (times[-1] - times[0]) for times in ends)

    def epochs_per_cpu_second(self) -> float:
        """Of all processes together, from the first epoch that ended to the last one, baselines too."""
        first, last = self._used[0], {process: used for now in self._used for process, used in now.items()}
        used = sum(seconds - first.get(process, 0.0) for process, seconds in last.items())
        return (len(self._used) - 1) / used
