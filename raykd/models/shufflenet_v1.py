"""ShuffleNet for small images (Zhang et al., CVPR 2018, arXiv 1707.01083), as the distillation literature trains it.

A 1x1 convolution to 24 channels, three stages of grouped bottleneck blocks at 1/2, 1/4 and 1/8 of the image's size,
global average pooling and a linear layer. Parameter names and sizes are those of RepDistiller and mdistiller
(`ShuffleV1`), so that their checkpoints load into `ShuffleNetV1Network`. Every stage ends after its last ReLU. Left
out: the strided stem and its max pooling, which are for large images.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Rectified, Shape, Staged

_STEM_WIDTH = 24


@dataclass(frozen=True, kw_only=True)
class ShuffleNetV1:
    """A ShuffleNet for small images as it stands in a recipe.

    Args:
        groups: of the 1x1 convolutions.
        widths: channels of the three stages; a quarter of each, also less the channels before it, must divide
            into the groups.
        blocks: number of blocks in each stage.
    """

    name: ClassVar[str] = "shufflenet_v1"
    groups: int = 3
    widths: tuple[int, ...] = (240, 480, 960)
    blocks: tuple[int, ...] = (4, 8, 4)

    def __post_init__(self) -> None:
        if self.groups < 1:
            raise InvalidError(f"groups must be at least 1, got {self.groups}")
        if len(self.blocks) != 3 or min(self.blocks) < 1:
            raise InvalidError(f"blocks must be 3 numbers of at least 1, got {self.blocks}")
        if len(self.widths) != 3 or any(
            wide <= narrow or any(part % 4 or part // 4 % self.groups for part in (wide, wide - narrow))
            for narrow, wide in zip((_STEM_WIDTH, *self.widths), self.widths, strict=False)
        ):
            raise InvalidError(
                f"widths must be 3 rising numbers of channels; each, and each less the one before ({_STEM_WIDTH} "
                f"before the first), a multiple of 4 times the groups ({4 * self.groups}), got {self.widths}"
            )

    def build(self, num_classes: int, image: Shape) -> Staged:
        network = ShuffleNetV1Network(self.groups, self.widths, self.blocks, num_classes, channels=image[0])
        return Staged(
            network,
            stem=("conv1", "bn1", torch.relu),
            stages=("layer1", "layer2", "layer3"),
            head=("avgpool", "flatten", "linear"),
        )


class ShuffleNetV1Network(nn.Module):
    """The plain network; images of any size, at least 1 x 1 pixel."""

    def __init__(
        self, groups: int, widths: tuple[int, ...], blocks: tuple[int, ...], num_classes: int, channels: int = 3
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, _STEM_WIDTH, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM_WIDTH)
        self.layer1 = _stage(blocks[0], _STEM_WIDTH, widths[0], groups, first_groups=1)
        self.layer2 = _stage(blocks[1], widths[0], widths[1], groups, first_groups=groups)
        self.layer3 = _stage(blocks[2], widths[1], widths[2], groups, first_groups=groups)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(widths[2], num_classes)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = F.relu(self.bn1(self.conv1(images)))
        hidden = self.layer3(self.layer2(self.layer1(hidden)))
        return self.linear(self.flatten(self.avgpool(hidden)))


class Bottleneck(Rectified):
    """Grouped 1x1, shuffle, depthwise 3x3 and grouped 1x1 convolution beside a shortcut.

    With stride 2 the shortcut is a 3x3 average pooling, put behind the block's own channels; else it is added.
    """

    def __init__(self, before: int, after: int, stride: int, groups: int, first_groups: int):
        super().__init__()
        inner = after // 4
        self.first_groups = first_groups
        self.joins = stride == 2
        self.conv1 = nn.Conv2d(before, inner, 1, groups=first_groups, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, groups=inner, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, after, 1, groups=groups, bias=False)
        self.bn3 = nn.BatchNorm2d(after)

    def before_relu(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        residual = shuffle(F.relu(self.bn1(self.conv1(hidden))), self.first_groups)
        residual = F.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        if self.joins:
            return torch.cat([residual, F.avg_pool2d(hidden, 3, stride=2, padding=1)], dim=1)
        return residual + hidden


def shuffle(
    hidden: Float[Tensor, "batch channels height width"], groups: int
) -> Float[Tensor, "batch channels height width"]:
    """The channels dealt out anew: the first of each group, then the second of each group, and so on."""
    return hidden.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def shuffle_v1(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ShuffleNetV1().build(num_classes, image)


def _stage(num_blocks: int, before: int, width: int, groups: int, first_groups: int) -> nn.Sequential:
    first = Bottleneck(before, width - before, 2, groups, first_groups)
    later = (Bottleneck(width, width, 1, groups, groups) for _ in range(num_blocks - 1))
    return nn.Sequential(first, *later)
