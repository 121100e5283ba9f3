"""A slot of the search: the Tune trainable that trains one trial after the other on its warm group.

It loads neither PyTorch nor the study, as it only waits: its process would take as much CPU to start as a worker's.
"""

import os
import time
from typing import Any

from ray import tune

from raykd.cluster.machines.resources import Resources
from raykd.cluster.tuner.setting import pickled_job
from raykd.cluster.workers.answer import Answer
from raykd.cluster.workers.group import Group
from raykd.cluster.workers.preparation import Preparation
from raykd.protocols.event import METRIC


class Slot(tune.Trainable):
    """One `step` is one epoch, which the workers begin before it is asked for.

    A trial that is stopped is not asked for another, and they drop what they have of it.

    Tune keeps no checkpoints: the workers keep every epoch in the trial's own folder, and go on from there. A trial
    that cannot be trained ends with `error` and no accuracy, so that the group stays warm for the next one.
    """

    def setup(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, config: dict[str, Any], trials: bytes, groups: str, resources: Resources, preparation: Preparation
    ) -> None:
        """Called by Tune, once.

        Args:
            trials: `Trials`, pickled.
            groups: the folder of the search's groups; a path or a URI.
            preparation: that the groups take part in.
        """
        self._trials = trials
        name = f"{os.uname().nodename}-{os.getpid()}-{time.time_ns()}"
        self._group = Group(name, groups, resources, preparation)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._group.start(pickled_job(self._trials, new_config))
        return True

    def step(self) -> dict[str, Any]:
        self._group.ask()
        return _result(self._group.next_answer())

    def cleanup(self) -> None:
        self._group.end()


def _result(answer: Answer) -> dict[str, Any]:
    """What Tune decides by. Everything else of an epoch the workers have written: Tune would keep it for each trial."""
    return {
        METRIC: float("nan") if answer.error else (answer.metrics or {})[METRIC],
        "epoch": answer.number,
        "diverged": answer.diverged,
        "error": answer.error or "",
        "finished": answer.done,
        "done": answer.done,  # Tune sets this one too where a scheduler stops the trial
    }
