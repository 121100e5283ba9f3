"""What a network costs to use: parameters, multiply-adds, and how long it takes on this machine."""

import statistics
import time
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from raykd.distributed.processor import processor_name
from raykd.models.staged import evaluating

ROUNDS = 30  # batches that a median is of
_WARM_UP = 5


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a network costs.

    Args:
        parameters: how many.
        multiply_adds: of one image, in matrix products and convolutions, as PyTorch's counter has them.
        latency_ms: the median time of a batch, by its size.
        quartiles_ms: the first and the third quartile of the same times.
        device: that was measured on, in words.
        threads: of PyTorch's.
    """

    parameters: int
    multiply_adds: int
    latency_ms: dict[int, float]
    device: str
    threads: int
    quartiles_ms: dict[int, tuple[float, float]] = field(default_factory=dict)


def cost(network: nn.Module, shape: tuple[int, ...], batch_sizes: tuple[int, ...] = (1, 64)) -> Cost:
    """Measured where the network lies.

    Args:
        network: takes images (B, C, H, W).
        shape: C, H, W.
        batch_sizes: that are timed; none where time is of no interest.
    """
    device = next(network.parameters()).device
    images = torch.randn(max(batch_sizes, default=1), *shape, device=device)
    with evaluating(network), torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            network(images[:1])
        quarters = {size: _quarters_ms(network, images[:size]) for size in batch_sizes}
    return Cost(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        multiply_adds=counter.get_total_flops() // 2,
        latency_ms={size: median for size, (_, median, _) in quarters.items()},
        device=processor_name(device),
        threads=torch.get_num_threads(),
        quartiles_ms={size: (first, third) for size, (first, _, third) in quarters.items()},
    )


def _quarters_ms(network: nn.Module, images: torch.Tensor) -> tuple[float, float, float]:
    """The first quartile, the median and the third quartile of the time of a batch."""
    took: list[float] = []
    for _ in range(_WARM_UP + ROUNDS):
        begun = time.perf_counter()
        network(images)
        if images.is_cuda:
            torch.cuda.synchronize(images.device)
        took.append(1000 * (time.perf_counter() - begun))
    first, median, third = statistics.quantiles(took[_WARM_UP:], n=4, method="inclusive")
    return first, median, third
