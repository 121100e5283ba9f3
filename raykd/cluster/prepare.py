"""Makes what the trials of a search share, on a worker of the cluster, before the first trial needs it."""

from collections.abc import Callable

from raykd.cluster.machines.resources import Resources
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.tasks import run_on_worker
from raykd.distributed.world import World
from raykd.training import loop


def prepare(trials: Trials, resources: Resources, say: Callable[[str], None]) -> None:
    """Makes the teacher's route, and what the terms ask for at their defaults.

    Args:
        say: told in one line, as often as there is something new, what is going on.
    """
    run_on_worker(_make, resources, say, trials)


def _make(trials: Trials, say: Callable[[str], None]) -> None:
    for recipe in trials.study.every_component():
        loop.prepare(recipe, trials.open_store(), World.alone(World.current().device), say)
