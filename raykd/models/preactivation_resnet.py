"""ResNet-18 with pre-activation blocks for small images (arXiv 1603.05027), the information-flow paper's teacher.

A 3x3 convolution to 64 channels with normalisation and ReLU, four stages of blocks at 1, 1/2, 1/4 and 1/8 of the
image's size, global average pooling and a linear layer. Parameter names, sizes and form are those of the released
code (`ResNet18` of github.com/passalis/pkth), so that its checkpoints load into `PreactivationResNetwork`; the form
differs from the paper on ResNets in two ways: a block adds its input after the first normalisation and ReLU, also
where the shapes stay, and nothing is normalised after the last block. Stages end with the sum of their last block.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


@dataclass(frozen=True, kw_only=True)
class PreactivationResNet:
    """A ResNet with pre-activation blocks as it stands in a recipe.

    Args:
        depth: 18 or 34 layers with weights.
    """

    name: ClassVar[str] = "preactivation_resnet"
    depth: int = 18

    def __post_init__(self) -> None:
        if self.depth not in BLOCKS:
            raise InvalidError(f"unknown depth {self.depth}; choices: {', '.join(map(str, BLOCKS))}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        network = PreactivationResNetwork(BLOCKS[self.depth], num_classes, channels=image[0])
        return Staged(
            network,
            stem=("conv1", "bn1", torch.relu),
            stages=("layer1", "layer2", "layer3", "layer4"),
            head=("avgpool", "flatten", "linear"),
        )


class PreactivationResNetwork(nn.Module):
    """The plain network; images of any size, at least 1 x 1 pixel.

    Args:
        blocks: number of blocks in each of the four stages.
    """

    def __init__(self, blocks: tuple[int, ...], num_classes: int, channels: int = 3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(blocks[0], 64, 64, stride=1)
        self.layer2 = _stage(blocks[1], 64, 128, stride=2)
        self.layer3 = _stage(blocks[2], 128, 256, stride=2)
        self.layer4 = _stage(blocks[3], 256, 512, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(512, num_classes)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = F.relu(self.bn1(self.conv1(images)))
        hidden = self.layer4(self.layer3(self.layer2(self.layer1(hidden))))
        return self.linear(self.flatten(self.avgpool(hidden)))


class PreactivationBlock(nn.Module):
    """Two 3x3 convolutions, each after normalisation and ReLU, beside a shortcut from the first ReLU."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != width:
            self.shortcut.append(nn.Conv2d(before, width, 1, stride=stride, bias=False))

    def forward(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        activated = F.relu(self.bn1(hidden))
        residual = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        return residual + self.shortcut(activated)


def resnet18(num_classes: int = 10, image: Shape = (3, 32, 32)) -> Staged:
    """The paper's teacher; its size is that for 10 classes."""
    return PreactivationResNet(depth=18).build(num_classes, image)


def _stage(num_blocks: int, before: int, width: int, stride: int) -> nn.Sequential:
    later = (PreactivationBlock(width, width, 1) for _ in range(num_blocks - 1))
    return nn.Sequential(PreactivationBlock(before, width, stride), *later)
