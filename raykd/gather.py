"""What the processes of a run hold of a batch, put together in the order of their ranks."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor

_ranks: ContextVar[int | None] = ContextVar("ranks", default=None)


@contextlib.contextmanager
def among(ranks: int) -> Iterator[None]:
    """Trains among so many processes while the context lasts: with 1, nothing is gathered.

    A process group may be up around a run of one process: rank 0 makes an artefact, such as another teacher's student,
    while the other ranks wait for it and would answer no call.
    """
    token = _ranks.set(ranks)
    try:
        yield
    finally:
        _ranks.reset(token)


def several() -> bool:
    """Whether a step's batch is shared out over processes."""
    if (ranks := _ranks.get()) is not None:
        return ranks > 1
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def whole_batch(features: Float[Tensor, "n *d"], gather: bool = True) -> Float[Tensor, "m *d"]:
    """The features of all processes where there are several and `gather` asks for it, else those given.

    For a loss that all processes compute alike. The gradient is the sum over processes, as through a differentiable
    all-gather: since each computes the same loss, that is the own gradient times their number, and nothing need be
    sent backwards.
    """
    if not (gather and several()):
        return features
    parts = _parts(features.detach())
    parts[dist.get_rank()] = parts[dist.get_rank()] + len(parts) * (features - features.detach())
    return torch.cat(parts)


def of_all_ranks(values: Shaped[Tensor, "n *rest"]) -> Shaped[Tensor, "m *rest"]:
    """The rows of all processes, without a gradient."""
    return torch.cat(_parts(values.detach())) if several() else values.detach()


def _parts(values: Tensor) -> list[Tensor]:
    own = values.contiguous()
    parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, own)
    return parts
