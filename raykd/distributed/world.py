"""Where a process stands among the processes that train together; reads `torch.distributed` and nothing else."""

import warnings
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from raykd.errors import InvalidError


@dataclass(frozen=True)
class World:
    """This process's rank among `size` processes, and the device that it computes on.

    Args:
        group: the processes, where they are not all that there are.
    """

    rank: int
    size: int
    device: torch.device
    group: "dist.ProcessGroup | None" = None

    @classmethod
    def current(cls, device: str | torch.device | None = None) -> "World":
        """The world of the process group that is up, or a world of one.

        Args:
            device: a PyTorch device; None takes this process's GPU where there is one, else the CPU.

        Raises:
            ValueError: a device that this machine does not have.
        """
        chosen = _device(device)
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size(), chosen)
        return cls(0, 1, chosen)

    @classmethod
    def alone(cls, device: torch.device) -> "World":
        """A world of one on a device, whatever process group is up."""
        return cls(0, 1, device)

    def first(self, size: int, timeout_s: float) -> "World":
        """The world of the first so many processes; all processes must ask for it, and the others stand outside.

        Args:
            size: at most this world's.
            timeout_s: how long they wait for each other in a collective.
        """
        assert 1 <= size <= self.size, (size, self.size)
        if size == self.size:
            return self
        group = dist.new_group(range(size), timedelta(seconds=timeout_s))
        return World(self.rank, size, self.device, group if isinstance(group, dist.ProcessGroup) else None)

    @property
    def takes_part(self) -> bool:
        """Whether this process is one of them."""
        return self.rank < self.size

    def wrap(self, module: nn.Module, *, may_skip_parameters: bool) -> nn.Module:
        """The module as all ranks train it: gradients are averaged over ranks.

        Buffers stay each rank's own: training reads none that ranks do not agree on (batch normalisation uses the
        batch's statistics), and `share_buffers` hands out rank 0's before they are used.
        """
        if self.size == 1:
            return module
        with warnings.catch_warnings():  # torch 2.15 renames `broadcast_buffers`; 2.13 does not know the new name
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            return DistributedDataParallel(
                module,
                device_ids=[self.device] if self.device.type == "cuda" else None,
                process_group=self.group,
                broadcast_buffers=False,
                find_unused_parameters=may_skip_parameters,
                gradient_as_bucket_view=True,  # a gradient is summed where it lies, not copied to a bucket and back
            )

    def sum(self, values: Tensor) -> Tensor:
        """The sum of a tensor over ranks, on every rank."""
        if self.size > 1:
            dist.all_reduce(values, group=self.group)
        return values

    def share_buffers(self, module: nn.Module) -> None:
        """Gives every rank rank 0's buffers, those of one kind in one message; resnet110 has 333 of two kinds."""
        if self.size == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for buffer in module.buffers():
            kinds.setdefault(buffer.dtype, []).append(buffer)
        for buffers in kinds.values():
            together = torch.cat([buffer.flatten() for buffer in buffers])
            dist.broadcast(together, src=0, group=self.group)
            for buffer, part in zip(buffers, together.split([buffer.numel() for buffer in buffers]), strict=True):
                buffer.copy_(part.view_as(buffer))


def _device(device: str | torch.device | None) -> torch.device:
    if device is None:
        return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise InvalidError(f"unknown device {str(device)!r}; choices: {', '.join(_devices())}") from None
    if chosen.type == "cuda" and chosen.index is None and torch.cuda.is_available():
        chosen = torch.device("cuda", torch.cuda.current_device())
    if str(chosen) not in _devices():
        raise InvalidError(f"no device {str(device)!r} here; choices: {', '.join(_devices())}")
    return chosen


def _devices() -> list[str]:
    return ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
