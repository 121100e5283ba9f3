"""A function on a worker of the cluster, and what it says and gives there brought to the driver."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raykd.cluster.machines.nodes import Node
from raykd.cluster.machines.resources import Resources
from raykd.cluster.workers.mailbox import Mailbox
from raykd.errors import is_for_the_user


def run_on_worker(
    function: Callable[..., Any],
    resources: Resources,
    say: Callable[[str], None],
    *arguments: Any,
    node: Node | None = None,
) -> Any:
    """The result of `function(*arguments, say)` on a worker; what it says there is said here.

    Args:
        node: the machine to run on; any by default.

    Raises:
        as `fetch_result`.
    """
    mailbox: Any = ray.remote(num_cpus=0)(Mailbox).remote()
    made = as_worker_task(_speaking, resources, node).remote(function, mailbox, *arguments)
    line: Any = mailbox.next_answer.remote()
    while made not in ray.wait([made, line])[0]:
        said: Any = ray.get(line)
        say(said.decode())
        line = mailbox.next_answer.remote()
    return fetch_result(made)


def as_worker_task(function: Callable[..., Any], resources: Resources, node: Node | None = None) -> Any:
    """A function as a Ray task that takes the place of one training worker; `fetch_result` gives its result."""
    place: dict[str, Any] = {"num_cpus": resources.cpus_per_worker, "num_gpus": resources.gpus_per_worker}
    if node is not None:
        place["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node.identity, soft=False)
    # No named function: what checks types in the tests wraps those, and the wrapper cannot be pickled.
    return ray.remote(**place, max_retries=2)(lambda *arguments: _guarded(function, resources, *arguments))


def fetch_result(reference: Any) -> Any:
    """The result of a task made by `as_worker_task`.

    Raises:
        RayTaskError: a fault of the program, with its traceback on the worker.
        ValueError, KeyError, OSError, RuntimeError: as raykd raised it there, with a line for the user.
    """
    result = ray.get(reference)
    if isinstance(result, _ForTheUser):
        raise result.error
    return result


@dataclass(frozen=True)
class _ForTheUser:
    """An error on its way from a worker to the driver, where it is one clear line."""

    error: Exception


def _guarded(function: Callable[..., Any], resources: Resources, *arguments: Any) -> Any:
    torch.set_num_threads(resources.threads)
    try:
        return function(*arguments)
    except Exception as error:
        if not is_for_the_user(error):
            raise
        return _ForTheUser(error)


def _speaking(function: Callable[..., Any], mailbox: Any, *arguments: Any) -> Any:
    def say(line: str) -> None:
        mailbox.answer.remote(line.encode())

    return function(*arguments, say)
