"""The memory layout of a network's weights and maps: contiguous (all rows of a channel together) or channels last.

In `auto` it is a function of the network, the kind of device and the precision alone, never of a timing taken at run
time, since two equal recipes must give the same run bit for bit. The rule, `layout_of`, follows `benchmarks/layout.py`:
on a CPU, in float32 with one thread, a training step of VGG-13 takes as long in channels last, and one of every other
network measured is faster. No GPU has measured it: there channels last is taken in half precision alone, as tensor
cores want it.

Never taken is what would crash. PyTorch's gradient of a 1x1 convolution with a stride, in float32 and channels last,
writes past the end of its memory on CPUs whose best instructions are AVX2 (oneDNN 3.12; `ONEDNN_MAX_CPU_ISA=AVX2`
shows it elsewhere). With stride 2 and 1 to 7 input channels the process died; it did not with 8 or more, stride 1,
bfloat16, or a kernel of 3x3, nor with SSE 4.1, AVX or AVX-512. Maps or weights in channels last are each enough. Since
a process may outlive such a fault, any stride is refused with any number of channels that is no multiple of 8, and on
every device, so that a recipe that passes on one machine passes on all.
"""

from collections.abc import Iterable

import torch
from torch import nn

from raykd.errors import InvalidError

AUTO, CONTIGUOUS, CHANNELS_LAST = "auto", "contiguous", "channels_last"
LAYOUTS = (AUTO, CONTIGUOUS, CHANNELS_LAST)
_LANES = 8  # numbers of float32 in an AVX2 register


def layout_of(
    network: nn.Module, device: torch.device, precision: str = "float32", beside: Iterable[nn.Module] = ()
) -> str:
    """What `auto` means for a network: `contiguous` or `channels_last`.

    Args:
        beside: other modules that take its maps as they come.
    """
    convolves = any(isinstance(module, nn.Conv2d) for module in network.modules())
    worthwhile = device.type == "cpu" or precision != "float32"
    bearable = not any(_fragile(module) for module in (network, *beside))
    return CHANNELS_LAST if convolves and worthwhile and bearable else CONTIGUOUS


def check_layout(layout: str, network: nn.Module, name: str) -> None:
    """Refuses a layout in which a network would crash.

    Args:
        name: of the network, for the message.

    Raises:
        ValueError: the layout is `channels_last`, and a convolution cannot bear it.
    """
    if layout == CHANNELS_LAST and (fragile := _fragile(network)):
        raise InvalidError(
            f"layout: {CHANNELS_LAST} would crash on some CPUs in the {name}'s {fragile[0]}, a 1x1 convolution with a "
            f"stride over channels that are no multiple of {_LANES}; choices: {AUTO}, {CONTIGUOUS}"
        )


def is_fragile(network: nn.Module) -> bool:
    """Whether a network, or what takes its maps, would crash in channels last on some CPUs."""
    return bool(_fragile(network))


def _fragile(network: nn.Module) -> list[str]:
    """The names of the convolutions whose gradient may crash in channels last."""
    return [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
        and max(module.kernel_size) == 1
        and max(module.stride) > 1
        and module.in_channels // module.groups % _LANES
    ]
