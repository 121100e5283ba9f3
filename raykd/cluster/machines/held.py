"""What other work holds of a cluster, so that a search that has to wait for it says so, and not nothing.

Ray itself says nothing while the workers of a group wait for their CPUs, which they may do for as long as another job
runs.
"""

import time
from collections.abc import Mapping

import ray

from raykd.cluster.machines.plan import Plan

_SETTLE_S = 3.0  # what has just ended is free as soon as its machine has told the cluster, of the order of a second
_LOOK_EVERY_S = 0.5


def others_hold(plan: Plan) -> str | None:
    """One line on what a plan's groups have to wait for; None where they find all that they need."""
    until = time.monotonic() + _SETTLE_S
    while (line := waits_for(plan, ray.cluster_resources(), ray.available_resources())) is not None:
        if time.monotonic() > until:
            return line
        time.sleep(_LOOK_EVERY_S)
    return None


def waits_for(plan: Plan, total: Mapping[str, float], free: Mapping[str, float]) -> str | None:
    """The same, of numbers of CPUs and GPUs.

    Args:
        total: that the cluster has.
        free: that nobody holds; what is missing is 0.
    """
    group = {kind: number * plan.resources.workers for kind, number in plan.resources.per_worker.items()}
    for kind, number in group.items():
        has, left = total.get(kind, 0.0), free.get(kind, 0.0)
        if left < plan.slots * number:
            now = min(plan.slots, int(left / number))
            return (
                f"other work holds {has - left:g} of the cluster's {has:g} {kind}s: {now} of {plan.slots} trial(s) "
                "can begin now, the rest as it ends (`ray status` tells what it is)"
            )
    return None
