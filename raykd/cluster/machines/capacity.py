"""Machines that an autoscaler starts because a search asks for more slots than the machines that have joined can hold.

The workers of all slots are asked for at once, as a placement group that is given up when the machines are there. It
ends with this process, however that ends, so that no machine is kept for a search that is gone; Ray's
`request_resources` would stand until somebody takes it back. From then on the slots' own groups keep the machines.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

from ray.util.placement_group import placement_group, remove_placement_group

from raykd.cluster.machines.autoscaler import is_starting_machines, starts_machines
from raykd.cluster.machines.nodes import living_nodes
from raykd.cluster.machines.plan import MOST_SHARING, make_plan
from raykd.cluster.machines.sharing import Wanted
from raykd.errors import FailureError
from raykd.protocols.event import Doing, Listener, Said

_TIMEOUT_S = 30 * 60.0  # a cloud may have no spot machine for a while
_WITHOUT_GPUS_S = 20.0  # an autoscaler that has GPUs to start shows it in its next round, of 5 s
_LOOK_EVERY_S = 1.0


def wait_for_machines(wanted: Wanted, tell: Listener, look: Callable[[], None]) -> None:
    """Asks for the machines that the wanted slots lack and waits for them, where there is an autoscaler to ask.

    It is asked for a GPU beside each worker's CPU; one that starts nothing then has none, and is asked for CPUs.

    Args:
        tell: what is asked for, and how it goes.
        look: called once a second meanwhile; what it raises ends the wait.

    Raises:
        RuntimeError: no machine has joined for a long time.
    """
    if wanted.slots is None or _have_room(wanted) or not starts_machines():
        return
    workers = wanted.slots * wanted.workers.needed
    tell(Said(text=f"asks the autoscaler for room for {workers} worker(s)"))
    gpu = (MOST_SHARING // _sharing(wanted)) / MOST_SHARING
    with _asked({"CPU": 1.0, "GPU": gpu}, workers):
        if _have_come(wanted, tell, look, _WITHOUT_GPUS_S):
            return
    with _asked({"CPU": 1.0}, workers):
        _have_come(wanted, tell, look, _TIMEOUT_S)


def _have_come(wanted: Wanted, tell: Listener, look: Callable[[], None], timeout_s: float) -> bool:
    """Whether the machines come; not so when after so many seconds none was even started.

    Raises:
        RuntimeError: some were started, but none has joined for `_TIMEOUT_S`.
    """
    machines, since = len(living_nodes()), time.monotonic()
    while not _have_room(wanted):
        joined, now = len(living_nodes()), time.monotonic()
        if joined != machines:
            machines, since, timeout_s = joined, now, _TIMEOUT_S
        elif is_starting_machines():
            timeout_s = _TIMEOUT_S
        if now - since > timeout_s:
            if timeout_s < _TIMEOUT_S:
                return False
            raise FailureError(
                f"no machine has joined for {_TIMEOUT_S / 60:g} minutes: `ray status` on the head tells what keeps "
                f"them; fewer slots need fewer machines"
            )
        tell(Doing(text=f"waiting for machines, {machines} in the cluster so far"))
        look()
        time.sleep(_LOOK_EVERY_S)
    return True


@contextlib.contextmanager
def _asked(worker: dict[str, float], number: int) -> Iterator[None]:
    group = placement_group([worker] * number)
    try:
        yield
    finally:
        remove_placement_group(group)


def _have_room(wanted: Wanted) -> bool:
    """Whether the wanted slots fit the machines that have joined."""
    try:
        make_plan(living_nodes(), wanted.workers, wanted.slots, trials=1, slots_per_gpu=_sharing(wanted))
    except ValueError:
        return False
    return True


def _sharing(wanted: Wanted) -> int:
    """How many slots share a GPU, as far as it is known before the machines are there to measure it."""
    return 1 if wanted.measures else wanted.most_sharing
