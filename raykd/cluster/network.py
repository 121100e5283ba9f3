"""What stands between the workers of a trial: the network interface that gloo takes, and the loss of a worker.

By itself gloo takes the address that the machine's own name stands for. On Debian and Ubuntu as they are installed
that is 127.0.1.1, and a trial whose workers lie on two machines would never start. Ray knows the right
address. NCCL finds an interface by itself.
"""

import contextlib
import fcntl
import os
import socket
import struct
from dataclasses import dataclass

import ray
import torch.distributed as dist
from ray.train._internal.base_worker_group import BaseWorkerGroup
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend

_INTERFACE = "GLOO_SOCKET_IFNAME"
_GET_ADDRESS = 0x8915  # Linux's SIOCGIFADDR


@dataclass
class Network(TorchConfig):
    """Ray's settings of `torch.distributed`, with gloo on the interface of the node's address."""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        return _Backend


class _Backend(_TorchBackend):
    def on_start(self, worker_group: BaseWorkerGroup, backend_config: TorchConfig) -> None:
        worker_group.execute(_choose_interface)
        super().on_start(worker_group, backend_config)


def _choose_interface() -> None:
    """Called on each worker; what a user has set there stays."""
    name = interface_of(ray.util.get_node_ip_address())
    if name is not None:
        os.environ.setdefault(_INTERFACE, name)


def is_loss_of_a_worker(error: BaseException) -> bool:
    """Whether an error says that another worker has gone: nothing is wrong with what was trained.

    NCCL's has a type of its own. Gloo's has not, but names the file of its transport that found it out.
    """
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo/transport" in str(error))


def interface_of(address: str) -> str | None:
    """The name of this machine's interface with an IPv4 address; None where there is none, or not on Linux."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # it has no such address
                answer = fcntl.ioctl(asker, _GET_ADDRESS, struct.pack("256s", name.encode()))
                if socket.inet_ntoa(answer[20:24]) == address:
                    return name
    return None
