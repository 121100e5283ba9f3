"""A storage that a search's machines do not share is found before its first trial.

Each machine would write into a folder of its own that has the same name, and the first trial whose workers lie
elsewhere than the teacher, or that goes on elsewhere, would fail with a file that is not there. So the driver writes a
few bytes, and each other machine reads them.
"""

import contextlib
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.client import ray as client
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raykd.cluster.machines.nodes import Node
from raykd.errors import InvalidError
from raykd.storage.storage import Storage

_SETTLE_S = 5.0  # NFS may show a new file to other machines some seconds late
_ANSWER_S = 60.0  # a machine whose mount hangs says nothing at all
_LOOK_EVERY_S = 0.5


def check_shared(nodes: Sequence[Node], storage: Storage, folder: Path) -> None:
    """Refuses machines that do not see what this one writes.

    Args:
        folder: of the search.

    Raises:
        ValueError: the machines.
    """
    others = [node for node in nodes if node.identity != _own_identity() and (node.cpus or node.gpus)]
    if not others:
        return
    file, content = folder / f".seen-{secrets.token_hex(4)}", secrets.token_bytes(16)
    storage.write(file, content)
    try:
        blind = _blind(others, storage, file, content)
    finally:
        storage.delete(file)
    if blind:
        raise InvalidError(
            f"{', '.join(node.address for node in blind)} of {len(nodes)} machines cannot read what this one writes to "
            f"the storage {storage.shown(storage.root)}: it must be a folder that all of them mount there, or an "
            f"object store"
        )


def sees(storage: Storage, file: Path, content: bytes, settle_s: float = _SETTLE_S) -> bool:
    """Whether this machine reads from a storage what another has written; called there.

    Args:
        storage, file: as they are called on the other machine.
        settle_s: seconds after which what is not there will not come.
    """
    there, path, until = storage.moved_here().without_waiting(), storage.here(file), time.monotonic() + settle_s
    while True:
        with contextlib.suppress(OSError):  # as where it may not be read; a storage's own errors are such, too
            if there.read(path) == content:
                return True
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_EVERY_S)


def _blind(nodes: Sequence[Node], storage: Storage, file: Path, content: bytes) -> list[Node]:
    looking: dict[Any, Node] = {}
    for node in nodes:
        there: Any = NodeAffinitySchedulingStrategy(node.identity, soft=False)
        look: Any = ray.remote(num_cpus=0, scheduling_strategy=there)(lambda *words: sees(*words))
        looking[look.remote(storage, file, content)] = node
    answered, silent = ray.wait([*looking], num_returns=len(looking), timeout=_ANSWER_S)
    blind = [looking[each] for each in silent]
    for each in answered:
        with contextlib.suppress(RayError):  # the machine has just been lost
            if not ray.get(each):
                blind.append(looking[each])
    return sorted(blind, key=lambda node: node.address)


def _own_identity() -> str:
    """Ray's name of the machine that this process runs on; none where it only talks to a cluster."""
    return "" if client.is_connected() else ray.get_runtime_context().get_node_id()
