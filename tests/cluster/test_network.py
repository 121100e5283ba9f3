"""The interface that gloo is told, and what it says when a worker is gone; `test_nodes.py` trains over it.

There a machine's own name stands for 127.0.0.1.
"""

import socket

import pytest
import torch
import torch.distributed as dist

from raykd.cluster.network import interface_of, is_loss_of_a_worker


def test_the_interface_of_an_address():
    assert interface_of("127.0.0.1") in {name for _, name in socket.if_nameindex()}
    assert interface_of("192.0.2.1") is None  # kept for documents: nobody has it


def test_the_trials_own_errors_are_no_loss_of_a_worker():
    with pytest.raises(RuntimeError) as own:
        torch.matmul(torch.zeros(2, 3), torch.zeros(2, 3))
    assert not is_loss_of_a_worker(own.value)
    assert not is_loss_of_a_worker(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_loss_of_a_worker(dist.DistBackendError("NCCL communicator was aborted"))
