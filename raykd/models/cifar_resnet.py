"""ResNets for small images (He et al., CVPR 2016, arXiv 1512.03385), as the distillation literature trains them.

A 3x3 convolution, three stages of (depth - 2) / 6 basic blocks at 1, 1/2 and 1/4 of the image's size, global
average pooling and a linear layer. Parameter names and sizes are those of RepDistiller and mdistiller, so that
their checkpoints load into `CifarResNet`; where a block changes width or size, a 1x1 convolution with batch
normalisation stands on its shortcut, also for the narrow networks. Every stage ends after its last ReLU. Left out:
blocks with a bottleneck.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Rectified, Shape, Staged

NARROW = (16, 16, 32, 64)
WIDE = (32, 64, 128, 256)  # the "x4" of the papers


@dataclass(frozen=True, kw_only=True)
class ResNet:
    """A CIFAR ResNet as it stands in a recipe.

    Args:
        depth: layers with weights, 6n + 2 for n blocks in each stage.
        widths: channels of the first convolution and of the three stages.
    """

    name: ClassVar[str] = "resnet"
    depth: int = 20
    widths: tuple[int, ...] = NARROW

    def __post_init__(self) -> None:
        if self.depth < 8 or self.depth % 6 != 2:
            raise InvalidError(f"depth must be 6n + 2 with n at least 1 (8, 14, 20, ...), got {self.depth}")
        if len(self.widths) != 4 or min(self.widths) < 1:
            raise InvalidError(f"widths must be 4 numbers of at least 1 channel (stem, 3 stages), got {self.widths}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        network = CifarResNet(self.depth, self.widths, num_classes, channels=image[0])
        return Staged(
            network,
            stem=("conv1", "bn1", torch.relu),
            stages=("layer1", "layer2", "layer3"),
            head=("avgpool", "flatten", "fc"),
        )


class CifarResNet(nn.Module):
    """The plain network; images of any size, at least 1 x 1 pixel."""

    def __init__(self, depth: int, widths: tuple[int, ...], num_classes: int, channels: int = 3):
        super().__init__()
        num_blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(channels, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.layer1 = _stage(num_blocks, widths[0], widths[1], stride=1)
        self.layer2 = _stage(num_blocks, widths[1], widths[2], stride=2)
        self.layer3 = _stage(num_blocks, widths[2], widths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(widths[3], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = F.relu(self.bn1(self.conv1(images)))
        hidden = self.layer3(self.layer2(self.layer1(hidden)))
        return self.fc(self.flatten(self.avgpool(hidden)))


class BasicBlock(Rectified):
    """Two 3x3 convolutions beside a shortcut, added before the last ReLU."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = nn.Identity()
        if stride != 1 or before != width:
            shortcut = nn.Conv2d(before, width, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(width))

    def before_relu(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        residual = F.relu(self.bn1(self.conv1(hidden)))
        return self.bn2(self.conv2(residual)) + self.downsample(hidden)


def resnet8(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=8).build(num_classes, image)


def resnet14(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=14).build(num_classes, image)


def resnet20(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=20).build(num_classes, image)


def resnet32(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=32).build(num_classes, image)


def resnet44(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=44).build(num_classes, image)


def resnet56(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=56).build(num_classes, image)


def resnet110(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=110).build(num_classes, image)


def resnet8x4(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=8, widths=WIDE).build(num_classes, image)


def resnet32x4(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ResNet(depth=32, widths=WIDE).build(num_classes, image)


def _stage(num_blocks: int, before: int, width: int, stride: int) -> nn.Sequential:
    later = (BasicBlock(width, width, 1) for _ in range(num_blocks - 1))
    return nn.Sequential(BasicBlock(before, width, stride), *later)
