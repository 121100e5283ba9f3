"""Makes what the trials of a search share, on a worker of the cluster, before the first trial needs it."""

from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import RayTaskError

from raykd import train
from raykd.artifacts import Store
from raykd.cluster.group import Resources
from raykd.cluster.mailbox import Mailbox
from raykd.cluster.trials import Trials
from raykd.world import World


def prepare(trials: Trials, resources: Resources, say: Callable[[str], None]) -> None:
    """Makes the teacher's route, and what the terms ask for at their defaults.

    Args:
        say: told in one line, as often as there is something new, what is going on.
    """
    mailbox: Any = ray.remote(num_cpus=0)(Mailbox).remote()
    made = on_worker(_make, resources).remote(trials, mailbox)
    line: Any = mailbox.next_answer.remote()
    while made not in ray.wait([made, line])[0]:
        said: Any = ray.get(line)
        say(said.decode())
        line = mailbox.next_answer.remote()
    fetched(made)


def on_worker(function: Callable[..., Any], resources: Resources) -> Any:
    """A function as a Ray task that takes the place of one training worker."""
    place: dict[str, Any] = {"num_cpus": resources.cpus_per_worker, "num_gpus": resources.gpus_per_worker}
    return ray.remote(**place, max_retries=2)(function)


def fetched(reference: Any) -> Any:
    """A task's result; its error as it was raised there."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise error.cause from None


def _make(trials: Trials, mailbox: Any) -> None:
    def say(line: str) -> None:
        mailbox.answer.remote(line.encode())

    for recipe in trials.study.every_component():
        train.prepare(recipe, Store(trials.store), World.alone(World.current().device), say)
