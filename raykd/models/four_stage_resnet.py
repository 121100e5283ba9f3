"""The ResNets of ImageNet with a stem for small images: ResNet18, 34, 50, 101 and 152 (arXiv 1512.03385).

A 3x3 convolution to 64 channels, four stages at 1, 1/2, 1/4 and 1/8 of the image's size, of basic blocks (18 and
34) or bottleneck blocks of four times the width, global average pooling and a linear layer. Parameter names and
sizes are those of RepDistiller and mdistiller (`resnetv2.py`; their `ResNet50` is the teacher of half of the pairs
across families), so that their checkpoints load into `FourStageResNetwork`. Every stage ends after its last ReLU.
For large images use `raykd.models.torchvision`.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Rectified, Shape, Staged

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_SHALLOWEST_BOTTLENECK = 50


@dataclass(frozen=True, kw_only=True)
class FourStageResNet:
    """A ResNet of four stages for small images as it stands in a recipe.

    Args:
        depth: 18, 34, 50, 101 or 152 layers with weights.
    """

    name: ClassVar[str] = "four_stage_resnet"
    depth: int = 50

    def __post_init__(self) -> None:
        if self.depth not in BLOCKS:
            raise InvalidError(f"unknown depth {self.depth}; choices: {', '.join(map(str, BLOCKS))}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        network = FourStageResNetwork(self.depth, num_classes, channels=image[0])
        return Staged(
            network,
            stem=("conv1", "bn1", torch.relu),
            stages=("layer1", "layer2", "layer3", "layer4"),
            head=("avgpool", "flatten", "linear"),
        )


class FourStageResNetwork(nn.Module):
    """The plain network; images of any size, at least 1 x 1 pixel."""

    def __init__(self, depth: int, num_classes: int, channels: int = 3):
        super().__init__()
        block = Bottleneck if depth >= _SHALLOWEST_BOTTLENECK else BasicBlock
        widths = [block.expansion * width for width in (64, 128, 256, 512)]
        self.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(block, BLOCKS[depth][0], 64, widths[0], stride=1)
        self.layer2 = _stage(block, BLOCKS[depth][1], widths[0], widths[1], stride=2)
        self.layer3 = _stage(block, BLOCKS[depth][2], widths[1], widths[2], stride=2)
        self.layer4 = _stage(block, BLOCKS[depth][3], widths[2], widths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(widths[3], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = F.relu(self.bn1(self.conv1(images)))
        hidden = self.layer4(self.layer3(self.layer2(self.layer1(hidden))))
        return self.linear(self.flatten(self.avgpool(hidden)))


class BasicBlock(Rectified):
    """Two 3x3 convolutions beside a shortcut, added before the last ReLU."""

    expansion = 1

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = _shortcut(before, after, stride)

    def before_relu(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        residual = F.relu(self.bn1(self.conv1(hidden)))
        return self.bn2(self.conv2(residual)) + self.shortcut(hidden)


class Bottleneck(Rectified):
    """A narrowing 1x1, a 3x3 and a widening 1x1 convolution beside a shortcut, added before the last ReLU."""

    expansion = 4

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        inner = after // self.expansion
        self.conv1 = nn.Conv2d(before, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.shortcut = _shortcut(before, after, stride)

    def before_relu(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        residual = F.relu(self.bn1(self.conv1(hidden)))
        residual = F.relu(self.bn2(self.conv2(residual)))
        return self.bn3(self.conv3(residual)) + self.shortcut(hidden)


def resnet18(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return FourStageResNet(depth=18).build(num_classes, image)


def resnet34(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return FourStageResNet(depth=34).build(num_classes, image)


def resnet50(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return FourStageResNet(depth=50).build(num_classes, image)


def resnet101(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return FourStageResNet(depth=101).build(num_classes, image)


def resnet152(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return FourStageResNet(depth=152).build(num_classes, image)


def _stage(
    block: type[BasicBlock] | type[Bottleneck], num_blocks: int, before: int, after: int, stride: int
) -> nn.Sequential:
    later = (block(after, after, 1) for _ in range(num_blocks - 1))
    return nn.Sequential(block(before, after, stride), *later)


def _shortcut(before: int, after: int, stride: int) -> nn.Sequential:
    if stride == 1 and before == after:
        return nn.Sequential()
    return nn.Sequential(nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after))
