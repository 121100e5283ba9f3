"""Tokens as a map, and a map as tokens; maps whose channels come last, and first."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_Map = Float[Tensor, "batch channels height width"]
_Tokens = Float[Tensor, "batch tokens channels"]


@dataclass(frozen=True)
class Shown:
    """Tokens as a map, without those that belong to no place; maps as they are.

    Args:
        prefix: how many tokens stand before those of the places, such as the class token.
        grid: height and width of the map.
    """

    prefix: int
    grid: tuple[int, int]

    def __call__(self, hidden: _Tokens | _Map) -> _Map:
        return hidden[:, self.prefix :].transpose(1, 2).unflatten(2, self.grid) if hidden.ndim == 3 else hidden


@dataclass(frozen=True)
class Taken:
    """A map as tokens, the mean of its places in front for each token that belongs to none; tokens as they are."""

    prefix: int

    def __call__(self, hidden: _Tokens | _Map) -> _Tokens:
        if hidden.ndim == 3:
            return hidden
        tokens = hidden.flatten(2).transpose(1, 2)
        return torch.cat([tokens.mean(1, keepdim=True).expand(-1, self.prefix, -1), tokens], dim=1)


def channels_last(hidden: _Map) -> Float[Tensor, "batch height width channels"]:
    return hidden.permute(0, 2, 3, 1)


def channels_first(hidden: Float[Tensor, "batch height width channels"]) -> _Map:
    return hidden.permute(0, 3, 1, 2)
