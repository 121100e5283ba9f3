"""A function on a worker of the cluster, and what it says and gives there brought to the driver."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raykd.cluster.machines.nodes import Node
from raykd.cluster.machines.resources import Resources
from raykd.cluster.workers.mailbox import Mailbox
from raykd.data.listed import become_worker
from raykd.errors import is_for_the_user

_LOOK_EVERY_S = 1.0
_DONE = b""  # no pickle is empty


def run_on_worker(
    function: Callable[..., Any],
    resources: Resources,
    tell: Callable[[Any], None],
    *arguments: Any,
    node: Node | None = None,
    look: Callable[[], None] = lambda: None,
) -> Any:
    """The result of `function(*arguments, tell)` on a worker; what it tells there, anything, is told here.

    Args:
        node: the machine to run on; any by default.
        look: called once a second or more often meanwhile; what it raises ends the wait.

    Raises:
        as `fetch_result`.
    """
    mailbox: Any = ray.remote(num_cpus=0)(Mailbox).remote()
    made = as_worker_task(_telling, resources, node).remote(function, mailbox, *arguments)
    told: Any = mailbox.next_answer.remote()
    while True:
        if ray.wait([told], timeout=_LOOK_EVERY_S)[0]:
            what: Any = ray.get(told)
            if what == _DONE:
                break
            tell(pickle.loads(what))
            told = mailbox.next_answer.remote()
        elif ray.wait([made], timeout=0)[0]:
            break  # its worker has died, and could not say that it is done
        look()
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
    become_worker()
    torch.set_num_threads(resources.threads)
    try:
        return function(*arguments)
    except Exception as error:
        if not is_for_the_user(error):
            raise
        return _ForTheUser(error)


def _telling(function: Callable[..., Any], mailbox: Any, *arguments: Any) -> Any:
    def tell(what: Any) -> None:
        ray.get(mailbox.answer.remote(pickle.dumps(what)))  # an asynchronous actor runs calls in any order

    try:
        return function(*arguments, tell)
    finally:
        ray.get(mailbox.answer.remote(_DONE))  # else the result could overtake what was told last
