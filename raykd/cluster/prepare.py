"""Makes what the trials of a search share, on a worker of the cluster, before the first trial needs it."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.exceptions import RayTaskError

from raykd import train
from raykd.artifacts import Store
from raykd.cluster.group import Resources
from raykd.cluster.trials import Trials
from raykd.world import World


def prepare(trials: Trials, resources: Resources, say: Callable[[str], None]) -> None:
    """Makes the teacher's route, and what the terms ask for at their defaults, before the first trial needs them."""
    task: Any = _prepare.options(num_cpus=resources.cpus_per_worker, num_gpus=resources.gpus_per_worker)
    for line in task.remote(trials):
        say(fetched(line))


def fetched(reference: Any) -> Any:
    """A task's result; its error as it was raised there."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise error.cause from None


@ray.remote(max_retries=2)
def _prepare(trials: Trials) -> Iterator[str]:
    lines: queue.Queue[str | Exception | None] = queue.Queue()
    store = Store(trials.store)

    def work() -> None:
        try:
            for recipe in trials.study.every_component():
                train.prepare(recipe, store, World.alone(World.current().device), lines.put)
            lines.put(None)
        except Exception as error:
            lines.put(error)

    threading.Thread(target=work, daemon=True).start()
    while (line := lines.get()) is not None:
        if isinstance(line, Exception):
            raise line
        yield line
