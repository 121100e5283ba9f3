"""ShuffleNetV2 for small images (Ma et al., ECCV 2018, arXiv 1807.11164), as the distillation literature trains it.

A 1x1 convolution to 24 channels, three stages at 1/2, 1/4 and 1/8 of the image's size, a 1x1 convolution, global
average pooling and a linear layer. Parameter names and sizes are those of RepDistiller and mdistiller (`ShuffleV2`,
width 1), so that their checkpoints load into `ShuffleNetV2Network`; the blocks after each stage's first are one more
than their numbers say there, as in their code. Left out: the strided stem and its max pooling, which are for large
images.

The last stage runs on through the last convolution and its ReLU, as QuEST takes it; `to_pooling=False` ends it with
the last block, as RepDistiller does.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.shufflenet_v1 import shuffle
from raykd.models.staged import Rectified, Shape, Staged

# by width: channels of the three stages and of the last convolution, blocks after the first of each stage
SIZES = {
    0.2: ((40, 80, 160, 512), (3, 3, 3)),
    0.3: ((40, 80, 160, 512), (3, 7, 3)),
    0.5: ((48, 96, 192, 1024), (3, 7, 3)),
    1.0: ((116, 232, 464, 1024), (3, 7, 3)),
    1.5: ((176, 352, 704, 1024), (3, 7, 3)),
    2.0: ((224, 488, 976, 2048), (3, 7, 3)),
}
_STEM_WIDTH = 24


@dataclass(frozen=True, kw_only=True)
class ShuffleNetV2:
    """A ShuffleNetV2 for small images as it stands in a recipe.

    Args:
        width: 0.5, 1, 1.5 or 2 as in the paper; 0.2 and 0.3 are RepDistiller's.
        to_pooling: whether the last stage ends after the last convolution and its ReLU, or with the last block.
    """

    name: ClassVar[str] = "shufflenet_v2"
    width: float = 1.0
    to_pooling: bool = True

    def __post_init__(self) -> None:
        if self.width not in SIZES:
            raise InvalidError(f"unknown width {self.width}; choices: {', '.join(map(str, SIZES))}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        widths, blocks = SIZES[self.width]
        network = ShuffleNetV2Network(widths, blocks, num_classes, channels=image[0])
        stem, last, pooling = (
            ("conv1", "bn1", torch.relu),
            ("conv2", "bn2", torch.relu),
            ("avgpool", "flatten", "linear"),
        )
        if self.to_pooling:
            return Staged(network, stem=stem, stages=("layer1", "layer2", ("layer3", *last)), head=pooling)
        return Staged(network, stem=stem, stages=("layer1", "layer2", "layer3"), head=(*last, *pooling))


class ShuffleNetV2Network(nn.Module):
    """The plain network; images of any size, at least 1 x 1 pixel."""

    def __init__(self, widths: tuple[int, ...], blocks: tuple[int, ...], num_classes: int, channels: int = 3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, _STEM_WIDTH, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM_WIDTH)
        self.layer1 = _stage(blocks[0], _STEM_WIDTH, widths[0])
        self.layer2 = _stage(blocks[1], widths[0], widths[1])
        self.layer3 = _stage(blocks[2], widths[1], widths[2])
        self.conv2 = nn.Conv2d(widths[2], widths[3], 1, bias=False)
        self.bn2 = nn.BatchNorm2d(widths[3])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(widths[3], num_classes)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = F.relu(self.bn1(self.conv1(images)))
        hidden = self.layer3(self.layer2(self.layer1(hidden)))
        hidden = F.relu(self.bn2(self.conv2(hidden)))
        return self.linear(self.flatten(self.avgpool(hidden)))


class BasicBlock(Rectified):
    """Half of the channels through 1x1, depthwise 3x3 and 1x1 convolution, the other half as it is; shuffled.

    That other half comes from a ReLU (every stage begins with a `DownBlock`), so the one at the end leaves it as it is.
    """

    def __init__(self, width: int):
        super().__init__()
        half = width // 2
        self.conv1 = nn.Conv2d(half, half, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, half, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(half)

    def before_relu(
        self, hidden: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        kept, changed = hidden.chunk(2, dim=1)
        changed = F.relu(self.bn1(self.conv1(changed)))
        changed = self.bn2(self.conv2(changed))
        changed = self.bn3(self.conv3(changed))
        return shuffle(torch.cat([kept, changed], dim=1), groups=2)


class DownBlock(nn.Module):
    """Two paths of stride 2, each giving half of the new channels; shuffled."""

    def __init__(self, before: int, after: int):
        super().__init__()
        half = after // 2
        self.conv1 = nn.Conv2d(before, before, 3, stride=2, padding=1, groups=before, bias=False)
        self.bn1 = nn.BatchNorm2d(before)
        self.conv2 = nn.Conv2d(before, half, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(before, half, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(half)
        self.conv4 = nn.Conv2d(half, half, 3, stride=2, padding=1, groups=half, bias=False)
        self.bn4 = nn.BatchNorm2d(half)
        self.conv5 = nn.Conv2d(half, half, 1, bias=False)
        self.bn5 = nn.BatchNorm2d(half)

    def forward(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        left = self.bn1(self.conv1(hidden))
        left = F.relu(self.bn2(self.conv2(left)))
        right = F.relu(self.bn3(self.conv3(hidden)))
        right = self.bn4(self.conv4(right))
        right = F.relu(self.bn5(self.conv5(right)))
        return shuffle(torch.cat([left, right], dim=1), groups=2)


def shuffle_v2(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ShuffleNetV2(width=1.0).build(num_classes, image)


def shuffle_v2_1_5(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return ShuffleNetV2(width=1.5).build(num_classes, image)


def _stage(num_blocks: int, before: int, width: int) -> nn.Sequential:
    return nn.Sequential(DownBlock(before, width), *(BasicBlock(width) for _ in range(num_blocks)))
