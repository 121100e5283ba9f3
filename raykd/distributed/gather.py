"""What the processes of a run hold of a batch, put together in the order of their ranks."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor

from raykd.distributed.world import World

_world: ContextVar[World | None] = ContextVar("world", default=None)


@contextlib.contextmanager
def among(world: World) -> Iterator[None]:
    """Trains among these processes while the context lasts: in a world of one, nothing is gathered.

    A process group may be up around a run of one process: rank 0 makes an artefact, such as another teacher's student,
    while the other ranks wait for it and would answer no call.
    """
    token = _world.set(world)
    try:
        yield
    finally:
        _world.reset(token)


def several() -> bool:
    """Whether a step's batch is shared out over processes."""
    return _current().size > 1


def whole_batch(features: Float[Tensor, "n *d"], gather: bool = True) -> Float[Tensor, "m *d"]:
    """The features of all processes where there are several and `gather` asks for it, else those given.

    For a loss that all processes compute alike. The gradient is the sum over processes, as through a differentiable
    all-gather: since each computes the same loss, that is the own gradient times their number, and nothing need be
    sent backwards.
    """
    if not (gather and several()):
        return features
    parts = _parts(features.detach())
    rank = _current().rank
    parts[rank] = parts[rank] + len(parts) * (features - features.detach())
    return torch.cat(parts)


def of_all_ranks(values: Shaped[Tensor, "n *rest"]) -> Shaped[Tensor, "m *rest"]:
    """The rows of all processes, without a gradient."""
    return torch.cat(_parts(values.detach())) if several() else values.detach()


def _parts(values: Tensor) -> list[Tensor]:
    own, world = values.contiguous(), _current()
    parts = [torch.empty_like(own) for _ in range(world.size)]
    dist.all_gather(parts, own, group=world.group)
    return parts


def _current() -> World:
    """The processes of the run; outside of any, all that there are."""
    return _world.get() or World.current("cpu")
