"""Makes what the trials of a search share, on a worker of the cluster, before the first trial needs it."""

from collections.abc import Callable

from raykd.cluster.machines.resources import Resources
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.tasks import run_on_worker
from raykd.distributed.world import World
from raykd.protocols.event import ArtifactMade, Doing, Listener
from raykd.training import loop


def prepare(trials: Trials, resources: Resources, tell: Listener, look: Callable[[], None]) -> None:
    """Makes the teacher's route, and what the terms ask for at their defaults.

    Args:
        tell: what goes on, as often as there is something new, and what was made.
        look: called once a second or more often meanwhile; what it raises ends it.
    """
    run_on_worker(_make, resources, tell, trials, look=look)


def _make(trials: Trials, tell: Listener) -> None:
    def made(kind: str, key: str, seconds: float) -> None:
        tell(ArtifactMade(kind=kind, key=key, seconds=seconds))

    world = World.alone(World.current().device)
    for recipe in trials.study.every_component():
        loop.prepare(recipe, trials.open_store(made), world, lambda text: tell(Doing(text=text)))
