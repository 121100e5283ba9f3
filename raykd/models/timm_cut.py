"""A network of timm as stem, stages and head, by what its `feature_info` and one forward say of it.

The stages end where `feature_info` has a size of maps for the last time: at 1/4 of the image's side or above, 1/8, 1/16
and so on; what has one size all through (ViTs, Mixers) is cut into four equal runs of its blocks. What a network does
after the last of them belongs to the head, such as an EfficientNet's last 1x1 convolution or a ViT's normalisation.

Modules are found to follow one another by a forward without numbers, on PyTorch's meta device: each must take the very
tensor that the one before it gave. Where something stands between two modules, a network is not cut; but for a ViT,
whose stem a function runs.

Left out: what takes or gives more than a tensor between its blocks (Eva, BEiT, HRNet), which `scores_only` of
`raykd.models.custom` makes a teacher of class scores.
"""

import itertools
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from raykd.errors import InvalidError
from raykd.models.staged import Shape
from raykd.models.timm_staged import Cut

NUM_RUNS = 4
_LARGEST = 4  # images' pixels to a map's, along a side: larger maps belong to the stage of this one


def find_cut(network: Any, image: Shape) -> Cut:
    """Where to cut a network.

    Args:
        network: on the meta device, in eval mode; hooks stay behind on it.

    Raises:
        ValueError: it cannot be cut.
    """
    reductions = {entry["module"]: entry["reduction"] for entry in network.feature_info}
    ends = _ends(reductions)
    calls = _calls(network, ends, image)
    names = [call.name for call in calls]
    if lost := [end for end in ends if names.count(end) != 1]:
        raise InvalidError(f"its {lost[0] or 'first module'} does not run once, by itself, in its forward")
    first = _first(names, ends[0])
    is_vit = _is_vit(network)
    for before, call in itertools.pairwise(calls[first if is_vit else 0 :]):
        if call.given is not before.gave:
            raise InvalidError(f"something stands between its {before.name} and its {call.name}")
    handed = [calls[first].given, *(calls[names.index(end)].gave for end in ends)]
    if not all(isinstance(each, Tensor) and each.ndim in (3, 4) for each in handed):
        raise InvalidError("its blocks hand on more than a tensor of tokens or maps")
    tokens = tuple(each.ndim == 3 for each in handed)
    scales = {reductions[end] for end, given in zip((ends[0], *ends), tokens, strict=True) if given}
    grid, prefix = _places({each.shape[1] for each in handed if each.ndim == 3}, scales, image)
    bounds = [first, *(names.index(end) + 1 for end in ends)]
    return Cut(
        stem=None if is_vit else tuple(names[1:first]),
        stages=tuple(tuple(names[start:end]) for start, end in itertools.pairwise(bounds)),
        tail=tuple(names[bounds[-1] : -1]),
        tokens=tokens,
        grid=grid,
        prefix=prefix,
        turned=getattr(network, "output_fmt", "NCHW") == "NHWC",  # as timm asks it: most classes do not say
    )


class _Call(NamedTuple):
    """A module's run: its name, what it was given and what it gave."""

    name: str
    given: Any
    gave: Any


def _is_vit(network: nn.Module) -> bool:
    from timm.models.vision_transformer import VisionTransformer

    return isinstance(network, VisionTransformer)


def _ends(reductions: dict[str, int]) -> list[str]:
    """The modules that the stages end with."""
    last = {max(reduction, _LARGEST): name for name, reduction in reductions.items()}
    if len(last) > 1:
        return list(last.values())
    names = list(reductions)
    return [names[(run + 1) * len(names) // NUM_RUNS - 1] for run in range(NUM_RUNS)]


def _first(names: list[str], end: str) -> int:
    """Where the first stage begins: with the first module of the row that its last one stands in, such as `blocks`."""
    row = end.rpartition(".")[0]
    place = names.index(end)
    while row and names[place - 1].rpartition(".")[0] == row:
        place -= 1
    return place


def _places(counts: set[int], scales: set[int], image: Shape) -> tuple[tuple[int, int], int]:
    """Height and width of the tokens' map, and how many tokens stand before it."""
    if not counts:
        return (1, 1), 0
    if len(counts) > 1 or len(scales) > 1:
        raise InvalidError("its tokens are not equally many in all of its stages")
    (count,), (scale,) = counts, scales
    if image[1] % scale or image[2] % scale:
        raise InvalidError(f"it takes images of a multiple of {scale} pixels a side")
    grid = image[1] // scale, image[2] // scale
    if count < math.prod(grid):
        raise InvalidError(f"its {count} tokens are fewer than the {grid[0]} x {grid[1]} places of its feature_info")
    return grid, count - math.prod(grid)


def _calls(network: Any, ends: list[str], image: Shape) -> list[_Call]:
    """The runs of its modules in a forward up to its features, those apart in which a stage ends; first and last, what
    goes in and what comes out.
    """
    images = torch.zeros(1, *image, device="meta")
    calls = [_Call("images", None, images)]

    def watch(name: str, module: nn.Module) -> None:
        def note(module: nn.Module, given: tuple[Any, ...], options: dict[str, Any], gave: Any) -> None:
            calls.append(_Call(name, given[0] if len(given) == 1 and not options else None, gave))

        module.register_forward_hook(note, with_kwargs=True)

    def walk(module: nn.Module, prefix: str) -> None:
        for name, child in module.named_children():
            full = f"{prefix}{name}"
            if full not in ends and any(end.startswith(f"{full}.") for end in ends):
                walk(child, f"{full}.")
            else:
                watch(full, child)

    walk(network, "")
    with torch.no_grad():
        features = network.forward_features(images)
    return [*calls, _Call("features", features, None)]
