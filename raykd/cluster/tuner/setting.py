"""A job on its way from a slot to its workers: a setting, which becomes a recipe where it is unpickled.

A slot and a mailbox only pass it on, and load neither PyTorch nor the study.
"""

import functools
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raykd.cluster.tuner.trials import Trials
    from raykd.cluster.workers.job import Job


def pickled_job(trials: bytes, config: dict[str, Any]) -> bytes:
    """What is unpickled as the job of a setting.

    Args:
        trials: `Trials`, pickled.
        config: of Tune's trial.
    """
    return pickle.dumps(_Setting(trials, config))


class _Setting:
    def __init__(self, trials: bytes, config: dict[str, Any]):
        self._trials, self._config = trials, config

    def __reduce__(self) -> tuple[Any, ...]:
        return _job, (self._trials, self._config)


def _job(trials: bytes, config: dict[str, Any]) -> "Job":
    return _unpickled(trials).job(config)


@functools.lru_cache(maxsize=1)
def _unpickled(trials: bytes) -> "Trials":
    return pickle.loads(trials)
