"""Lets a trial whose slot has died get a new one on a cluster that has become too small for what the old one held."""

import time
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from raykd.cluster.workers.leftovers import free_leftovers

_LOOK_EVERY_S = 5.0


class Recovery(Callback):
    """Frees what dead slots' groups still hold, for as long as a trial waits for a slot in the place of one that died.

    A group that is up or coming up does so too. But Ray places what a group has lost with a machine before anything
    else that waits, so that where there is no room for it, no new slot would ever come.

    Args:
        folder: of the groups of the search; a path or a URI.
    """

    def __init__(self, folder: str):
        self._folder = folder
        self._looked_at = 0.0

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if time.monotonic() - self._looked_at < _LOOK_EVERY_S:
            return  # a search may have many trials and makes many steps
        self._looked_at = time.monotonic()
        # Tune makes a trial wait again, and counts the failure, as soon as its slot has died.
        if any(trial.status == Trial.PENDING and trial.num_failures for trial in trials):
            free_leftovers(self._folder)
