"""The interface that gloo is told, where workers meet, and what says that one is gone; `test_nodes.py` trains over it.

There a machine's own name stands for 127.0.0.1.
"""

import socket
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
import torch
import torch.distributed as dist
from ray.train._internal.base_worker_group import BaseWorkerGroup

from raykd.cluster.workers import network
from raykd.cluster.workers.network import interface_of, is_loss_of_a_worker


def test_the_interface_of_an_address():
    assert interface_of("127.0.0.1") in {name for _, name in socket.if_nameindex()}
    assert interface_of("192.0.2.1") is None  # kept for documents: nobody has it


def test_the_trials_own_errors_are_no_loss_of_a_worker():
    with pytest.raises(RuntimeError) as own:
        torch.matmul(torch.zeros(2, 3), torch.zeros(2, 3))
    assert not is_loss_of_a_worker(own.value)
    assert not is_loss_of_a_worker(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_loss_of_a_worker(dist.DistBackendError("NCCL communicator was aborted"))


def test_nobody_can_take_the_port_at_which_the_workers_will_meet(monkeypatch: pytest.MonkeyPatch):
    """The group is one worker, which is this process; another process wants the port as soon as it is told."""
    monkeypatch.setattr(network, "_tell_ranks", lambda: None)  # asks Ray Train, which is not there
    monkeypatch.setattr(network, "_store", None)
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "GLOO_SOCKET_IFNAME": "lo"}.items():
        monkeypatch.setenv(name, value)

    def tell(worker: int, function: Callable[..., Any], *arguments: Any) -> Any:
        address = function(*arguments)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(address)
        return address

    group = Mock(spec=BaseWorkerGroup)
    group.execute.side_effect = lambda function, *arguments: [function(*arguments)]
    group.execute_single.side_effect = tell
    settings = network.Network(backend="gloo", timeout_s=30)
    settings.backend_cls().on_start(group, settings)
    assert group.execute_single.call_count == 1
    assert dist.get_world_size() == 1
    dist.destroy_process_group()
