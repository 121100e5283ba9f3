"""What each machine of the cluster has: a worker takes its CPUs and its GPU from one of them, not from their sum."""

import math
from dataclasses import dataclass

import ray


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine as Ray counts it.

    Args:
        memory: in bytes; endless where Ray was not told.
        identity: Ray's own name of it, to place a task there.
    """

    cpus: float = 0.0
    gpus: float = 0.0
    memory: float = math.inf
    identity: str = ""


def living_nodes() -> list[Node]:
    """The machines that have joined the connected cluster and are not lost."""
    return [
        Node(
            cpus=node["Resources"].get("CPU", 0.0),
            gpus=node["Resources"].get("GPU", 0.0),
            memory=node["Resources"].get("memory", math.inf),
            identity=node["NodeID"],
        )
        for node in ray.nodes()
        if node["Alive"]
    ]
