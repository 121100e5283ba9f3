"""Where a network of timm is cut, as a value, and the network cut there.

Maps have their channels first, whatever the network's own have. Tokens are handed on as they are, and shown as a map
without the class token and its like. A stage that is given a map instead, as where another network's stage stood in,
takes the mean of the map's places for each of those.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from raykd.models.pieces import Piece
from raykd.models.staged import Staged
from raykd.models.tokens import Shown, Taken, channels_first, channels_last


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where a network is cut, by the names of its modules, for images of one shape.

    Args:
        stem: the modules before the first stage; None for a ViT, where a function runs them.
        stages, tail: those of each stage, and those between the last one and the network's own `forward_head`.
        tokens: for the stem and each stage, whether it gives tokens, and no map.
        grid, prefix: of the tokens; see `Shown`.
        turned: whether the maps' channels come last.
    """

    stem: tuple[str, ...] | None
    stages: tuple[tuple[str, ...], ...]
    tail: tuple[str, ...]
    tokens: tuple[bool, ...]
    grid: tuple[int, int]
    prefix: int
    turned: bool

    def of(self, network: Any) -> Staged:
        """The network, cut."""
        stem = (_Embedding(network),) if self.stem is None else self.stem
        given, *gave = self.tokens
        stages: list[list[Piece]] = []
        for names, gives in zip(self.stages, gave, strict=True):
            stages.append([*self._in(given), *names[:-1], *_relu_apart(network, names[-1]), *self._out(gives)])
            given = gives
        return Staged(
            network,
            stem=[*stem, *self._out(self.tokens[0])],
            stages=stages,
            head=[*self._in(given), *self.tail, network.forward_head],
            show=Shown(self.prefix, self.grid) if any(self.tokens) else None,
        )

    def _in(self, tokens: bool) -> list[Piece]:
        """What brings that which is handed on to what a module takes."""
        return [Taken(self.prefix)] if tokens else [channels_last] if self.turned else []

    def _out(self, tokens: bool) -> list[Piece]:
        return [channels_first] if self.turned and not tokens else []


@dataclass(frozen=True)
class _Embedding:
    """What a ViT does before its first block; see its `forward_features`."""

    network: Any

    def __call__(self, images: Tensor) -> Tensor:
        network = self.network
        return network.norm_pre(network.patch_drop(network._pos_embed(network.patch_embed(images))))


def _relu_apart(network: nn.Module, name: str) -> list[Piece]:
    """A module whose last ReLU, where a ResNet's block ends with one, stands for itself."""
    from timm.models.resnet import BasicBlock, Bottleneck

    module = network.get_submodule(name)
    last = {BasicBlock: "act2", Bottleneck: "act3"}
    if not isinstance(module, nn.Sequential) or type(module[-1]) not in last:
        return [name]
    *before, block = module
    act = last[type(block)]
    if not isinstance(getattr(block, act), nn.ReLU):
        return [name]
    without = copy.copy(block)  # the same parameters, buffers and modules, but for one
    without._modules = {**block._modules, act: nn.Identity()}
    return [*before, without, torch.relu]
