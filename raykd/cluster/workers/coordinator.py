"""Keeps the actor that elastic trials ask for room on the machine that the cluster lives with.

Ray Train's elastic groups ask one actor of the whole cluster what machines they may take. Whoever needs it first makes
it on the own machine and binds it there: when that machine is lost, Ray tries to start it on that machine for ever, and
no elastic trial of the cluster goes on again (Ray 2.60). On the head it lives as long as the cluster.
"""

import contextlib
from typing import Any

import ray
from ray.data._internal.cluster_autoscaler.default_autoscaling_coordinator import (
    HEAD_NODE_RESOURCE_LABEL,
    get_or_create_autoscaling_coordinator,
)
from ray.exceptions import GetTimeoutError, RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

_NAME = "AutoscalingCoordinator"  # in a namespace of the same name
_TIMEOUT_S = 30.0


def keep_coordinator() -> None:
    """Makes the actor on the head, unless there is one that answers; called before any trial begins."""
    with contextlib.suppress(ValueError):  # there is none
        found: Any = ray.get_actor(_NAME, namespace=_NAME)
        try:
            ray.get(found.__ray_ready__.remote(), timeout=_TIMEOUT_S)
        except (GetTimeoutError, RayActorError):  # its machine was lost
            ray.kill(found)
    head = next(
        node["NodeID"] for node in ray.nodes() if node["Alive"] and HEAD_NODE_RESOURCE_LABEL in node["Resources"]
    )
    there: Any = NodeAffinitySchedulingStrategy(head, soft=False)
    make: Any = get_or_create_autoscaling_coordinator
    ray.get(ray.remote(num_cpus=0, scheduling_strategy=there)(lambda: ray.get(make().__ray_ready__.remote())).remote())
