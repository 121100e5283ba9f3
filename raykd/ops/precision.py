"""The precision that a run's networks compute in: float32, or bfloat16 by PyTorch's autocast.

Weights, their updates, and all that the terms of the loss compute are float32 in both: what a network says is brought
to float32 before a term sees it (`in_full`), so softmax, distances and norms, the users' own included, need not know.
Autocast leaves batch normalisation's statistics in float32 too. Validation is in float32, as whoever takes the student
evaluates it. Losses need no scaling, since bfloat16 has float32's range.
"""

import torch
from torch import Tensor

from raykd.errors import InvalidError
from raykd.models.staged import Outputs
from raykd.ops.vectors import full

FLOAT32, BFLOAT16 = "float32", "bfloat16"
PRECISIONS = (FLOAT32, BFLOAT16)


def check_precision(precision: str, device: torch.device) -> None:
    """Refuses bfloat16 on a CPU that has no instructions for it, where it was measured to be 11 times slower.

    Raises:
        ValueError: the device cannot compute in this precision.
    """
    if precision == BFLOAT16 and device.type == "cpu" and not _cpu_has_bfloat16():
        raise InvalidError(
            f"precision: this CPU has no instructions for {BFLOAT16} (AVX-512 BF16 or AMX), which would make it many "
            f"times slower; choices here: {FLOAT32}"
        )


def computing(precision: str, device: torch.device) -> torch.autocast:
    """Within, networks compute in the precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == BFLOAT16)


def in_full(outputs: Outputs) -> Outputs:
    """What a network says, in float32 at least."""
    return Outputs(full(outputs.logits), _full(outputs.features), _full(outputs.before_relu))


def _full(maps: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(full(each) for each in maps)


def _cpu_has_bfloat16() -> bool:
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
