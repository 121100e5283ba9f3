"""What each machine of the cluster has: a worker takes its CPUs and its GPU from one of them, not from their sum."""

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray
import torch
from ray.exceptions import RayError
from ray.util.client import ray as client
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raykd.errors import InvalidError

_KIND = "accelerator_type:"  # Ray counts one of such a resource on each machine with GPUs that it knows
_BUSY_S = 60.0  # a machine whose GPUs are all taken for so long is not looked at: its workers will wait, too


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine as Ray counts it.

    Args:
        memory: in bytes; endless where Ray was not told.
        identity: Ray's own name of it, to place a task there.
        address: in the cluster's network.
        gpu_kind: of its GPUs, by Ray's name such as `A100`; empty where Ray does not know it.
    """

    cpus: float = 0.0
    gpus: float = 0.0
    memory: float = math.inf
    identity: str = ""
    address: str = ""
    gpu_kind: str = ""


def living_nodes() -> list[Node]:
    """The machines that have joined the connected cluster and are not lost."""
    return [
        Node(
            cpus=node["Resources"].get("CPU", 0.0),
            gpus=node["Resources"].get("GPU", 0.0),
            memory=node["Resources"].get("memory", math.inf),
            identity=node["NodeID"],
            address=node["NodeManagerAddress"],
            gpu_kind=next((name.removeprefix(_KIND) for name in node["Resources"] if name.startswith(_KIND)), ""),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def is_all_here() -> bool:
    """Whether this process runs on the cluster's only machine, and so has the data and the GPUs that workers have."""
    if client.is_connected():  # it is somewhere else, and Ray takes it for the machine that it talks to
        return False
    return [node.identity for node in living_nodes()] == [ray.get_runtime_context().get_node_id()]


def one_of_each_gpu(nodes: Sequence[Node]) -> list[Node]:
    """For each kind of GPU, the first machine that can train on it."""
    first: dict[str, Node] = {}
    for node in nodes:
        if node.gpus >= 1 and node.cpus >= 1:
            first.setdefault(node.gpu_kind, node)
    return [*first.values()]


def check_gpus(nodes: Sequence[Node], share: float) -> None:
    """Refuses machines on which PyTorch does not see the GPUs that Ray counts: workers would die there without end.

    Args:
        share: of a GPU, that a worker takes.

    Raises:
        ValueError: the machines.
    """
    looking, blind = {}, list[str]()
    for node in nodes:
        if node.gpus >= 1:
            there: Any = NodeAffinitySchedulingStrategy(node.identity, soft=False)
            look = ray.remote(num_cpus=0, num_gpus=share, scheduling_strategy=there)(lambda: torch.cuda.is_available())
            looking[look.remote()] = node
    if not looking:
        return
    seen, _ = ray.wait([*looking], num_returns=len(looking), timeout=_BUSY_S)
    for look in seen:
        with contextlib.suppress(RayError):  # the machine has just been lost
            if not ray.get(look):
                blind.append(looking[look].address)
    if blind:
        raise InvalidError(
            f"PyTorch sees no GPU on {', '.join(blind)}, where Ray counts one: it needs one with CUDA, or `ray start "
            f"--num-gpus 0`"
        )
