"""Wide residual networks for small images (Zagoruyko and Komodakis, BMVC 2016, arXiv 1605.07146).

A 3x3 convolution, three stages of (depth - 4) / 6 pre-activation blocks at 1, 1/2 and 1/4 of the image's size,
batch normalisation and ReLU, global average pooling and a linear layer. Parameter names and sizes are those of
RepDistiller and mdistiller, so that their checkpoints load into `WideResNet`.

A pre-activation block ends with its sum, so the first two stages hand out sums that may be negative; the next
block normalises them. The last stage runs on through the closing normalisation and ReLU, where QuEST and attention
transfer take their features; RepDistiller takes its own (`f3`) before them, which `to_pooling=False` gives. Left
out: dropout, which the distillation literature does not use.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged


@dataclass(frozen=True, kw_only=True)
class WRN:
    """A wide residual network as it stands in a recipe.

    Args:
        depth: layers with weights on the longest path, 6n + 4 for n blocks in each stage.
        factor: the stages have 16, 32 and 64 times this many channels.
        to_pooling: whether the last stage ends after the closing normalisation and ReLU, or with its last block.
    """

    depth: int = 16
    factor: int = 2
    to_pooling: bool = True

    def __post_init__(self) -> None:
        if self.depth < 10 or self.depth % 6 != 4:
            raise InvalidError(f"depth must be 6n + 4 with n at least 1 (10, 16, 22, ...), got {self.depth}")
        if self.factor < 1:
            raise InvalidError(f"factor must be at least 1, got {self.factor}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        network = WideResNet(self.depth, self.factor, num_classes, channels=image[0])
        closing, pooling = ("bn1", torch.relu), ("avgpool", "flatten", "fc")
        if self.to_pooling:
            return Staged(network, stem="conv1", stages=("block1", "block2", ("block3", *closing)), head=pooling)
        return Staged(network, stem="conv1", stages=("block1", "block2", "block3"), head=(*closing, *pooling))


class WideResNet(nn.Module):
    """The plain network; images of any size, at least 1 x 1 pixel."""

    def __init__(self, depth: int, factor: int, num_classes: int, channels: int = 3):
        super().__init__()
        num_blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.block1 = _Stage(num_blocks, 16, 16 * factor, stride=1)
        self.block2 = _Stage(num_blocks, 16 * factor, 32 * factor, stride=2)
        self.block3 = _Stage(num_blocks, 32 * factor, 64 * factor, stride=2)
        self.bn1 = nn.BatchNorm2d(64 * factor)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(64 * factor, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = self.block3(self.block2(self.block1(self.conv1(images))))
        return self.fc(self.flatten(self.avgpool(F.relu(self.bn1(hidden)))))


class PreactivationBlock(nn.Module):
    """Two 3x3 convolutions, each after normalisation and ReLU, beside a shortcut.

    Where the width changes, the shortcut is a 1x1 convolution of what the first ReLU gives; else it is the input.
    """

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.convShortcut = None if before == width else nn.Conv2d(before, width, 1, stride=stride, bias=False)

    def forward(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        activated = F.relu(self.bn1(hidden))
        residual = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        return residual + (hidden if self.convShortcut is None else self.convShortcut(activated))


def wrn_16_1(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return WRN(depth=16, factor=1).build(num_classes, image)


def wrn_16_2(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return WRN(depth=16, factor=2).build(num_classes, image)


def wrn_40_1(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return WRN(depth=40, factor=1).build(num_classes, image)


def wrn_40_2(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return WRN(depth=40, factor=2).build(num_classes, image)


class _Stage(nn.Module):
    """A stage's blocks, one level deeper, as the published parameter names have it (`block1.layer.0`)."""

    def __init__(self, num_blocks: int, before: int, width: int, stride: int):
        super().__init__()
        later = (PreactivationBlock(width, width, 1) for _ in range(num_blocks - 1))
        self.layer = nn.Sequential(PreactivationBlock(before, width, stride), *later)

    def forward(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        return self.layer(hidden)
