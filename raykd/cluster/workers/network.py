"""What stands between the workers of a trial: the interface that gloo takes, where they meet, and a worker's loss.

By itself gloo takes the address that the machine's own name stands for. On Debian and Ubuntu as they are installed
that is 127.0.1.1, and a trial whose workers lie on two machines would never start. Ray knows the right
address. NCCL finds an interface by itself.

By itself Ray Train looks for a free port on rank 0, lets go of it, and tells all to meet there: where another process
has taken it by then, the group does not start. Here rank 0 opens the store that all meet at before it tells its port.
The store asks nobody who he is, and PyTorch would have it listen on all addresses: it listens on Ray's own alone.

A slot imports this file, and only waits. So PyTorch, which takes it more than a second of CPU, is imported by the
functions that workers call.
"""

import contextlib
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
from ray.train._internal.base_worker_group import BaseWorkerGroup
from ray.train.backend import Backend, BackendConfig

_INTERFACE = "GLOO_SOCKET_IFNAME"
_GET_ADDRESS = 0x8915  # Linux's SIOCGIFADDR
_SHUTDOWN_S = 30.0  # NCCL may hang when it ends; the workers are killed then


@dataclass
class Network(BackendConfig):
    """Sets up `torch.distributed` on the workers.

    Args:
        backend: `nccl` or `gloo`.
        timeout_s: seconds for which workers wait for each other.
    """

    backend: str
    timeout_s: int

    @property
    def backend_cls(self) -> "type[Backend]":
        return _Backend


class _Backend(Backend):
    share_cuda_visible_devices = True

    def on_start(self, worker_group: BaseWorkerGroup, backend_config: BackendConfig) -> None:
        assert isinstance(backend_config, Network)
        worker_group.execute(_choose_interface)
        worker_group.execute(_tell_ranks)
        timeout = timedelta(seconds=backend_config.timeout_s)
        address = worker_group.execute_single(0, _open_store, timeout)
        worker_group.execute(_meet, address, backend_config.backend, timeout)

    def on_shutdown(self, worker_group: BaseWorkerGroup, backend_config: BackendConfig) -> None:
        if len(worker_group) > 1:
            left = worker_group.execute_async(_part)
            ray.wait(left, num_returns=len(left), timeout=_SHUTDOWN_S)


_store: Any = None  # on rank 0: it lives as long as its process, which is the group's


def _open_store(timeout: timedelta) -> tuple[str, int]:
    """Called on rank 0: where the others reach it."""
    from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

    global _store
    address = ray.util.get_node_ip_address()
    listening = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    port = listening.getsockname()[1]
    _store = TCPStore(
        address, port, is_master=True, wait_for_workers=False, timeout=timeout, master_listen_fd=listening.detach()
    )
    return address, port


def _meet(address: tuple[str, int], backend: str, timeout: timedelta) -> None:
    """Called on each worker; its rank stands in PyTorch's environment variables by now."""
    import torch.distributed as dist
    from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    store = _store if rank == 0 else TCPStore(*address, is_master=False, timeout=timeout)
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)


def _part() -> None:
    """Called on each worker when the group ends."""
    import torch.distributed as dist

    dist.destroy_process_group()


def _tell_ranks() -> None:
    """Called on each worker: sets PyTorch's environment variables."""
    from ray.train.torch.config import _set_torch_distributed_env_vars

    _set_torch_distributed_env_vars()


def _choose_interface() -> None:
    """Called on each worker; what a user has set there stays."""
    name = interface_of(ray.util.get_node_ip_address())
    if name is not None:
        os.environ.setdefault(_INTERFACE, name)


def is_loss_of_a_worker(error: BaseException) -> bool:
    """Whether an error says that another worker has gone: nothing is wrong with what was trained.

    NCCL's has a type of its own. Gloo's has not, but names the file of its transport that found it out.
    """
    import torch.distributed as dist

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
