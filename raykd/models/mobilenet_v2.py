"""MobileNetV2 for small images (Sandler et al., CVPR 2018, arXiv 1801.04381), in the form of RCO (arXiv 1904.09149).

MobileNetV2(T, W) has expansion T and W times the usual channels; RCO's student and RepDistiller's `mobile_half` is
T = 6, W = 0.5. A strided 3x3 convolution, seven groups of inverted residual blocks, a 1x1 convolution to 1280
channels, global average pooling and a linear layer; ReLU instead of ReLU6, the second group keeps its size, no
dropout. Parameter names and sizes are those of RepDistiller and mdistiller, so that their checkpoints load into
`MobileNetV2Network`.

The four stages end where RepDistiller takes features, at 1/2, 1/4, 1/8 and 1/16 of the image's size. Blocks end
with a linear convolution, so the first three stages may be negative. The last stage runs on through the 1x1
convolution and its ReLU, as QuEST takes it; `to_pooling=False` ends it with the last block, as RepDistiller does.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged

# channels before W, number of blocks, stride of the first one
_GROUPS = ((16, 1, 1), (24, 2, 1), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
_LAST_WIDTH = 1280


@dataclass(frozen=True, kw_only=True)
class MobileNetV2:
    """A MobileNetV2 for small images as it stands in a recipe.

    Args:
        expansion: T, by how much a block widens its input inside; the first group is not widened.
        width: W, the multiple of the usual channels, which are cut to whole numbers; the last convolution never
            has fewer than 1280.
        to_pooling: whether the last stage ends after the last convolution and its ReLU, or with the last block.
    """

    name: ClassVar[str] = "mobilenet_v2"
    expansion: int = 6
    width: float = 0.5
    to_pooling: bool = True

    def __post_init__(self) -> None:
        if self.expansion < 1:
            raise InvalidError(f"expansion must be at least 1, got {self.expansion}")
        if int(16 * self.width) < 1:
            raise InvalidError(f"width must leave the narrowest group (16) a channel: at least 1/16, got {self.width}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        network = MobileNetV2Network(self.expansion, self.width, num_classes, channels=image[0])
        groups = (("blocks.0", "blocks.1"), "blocks.2", ("blocks.3", "blocks.4"))
        last, pooling = ("blocks.5", "blocks.6"), ("avgpool", "flatten", "classifier")
        if self.to_pooling:
            return Staged(network, stem="conv1", stages=(*groups, (*last, "conv2")), head=pooling)
        return Staged(network, stem="conv1", stages=(*groups, last), head=("conv2", *pooling))


class MobileNetV2Network(nn.Module):
    """The plain network; images of any size, at least 1 x 1 pixel."""

    def __init__(self, expansion: int, width: float, num_classes: int, channels: int = 3):
        super().__init__()
        before = int(32 * width)
        self.conv1 = _convolution(channels, before, size=3, stride=2)
        self.blocks = nn.ModuleList()
        for index, (group_width, num_blocks, stride) in enumerate(_GROUPS):
            after = int(group_width * width)
            group = nn.Sequential()
            for number in range(num_blocks):
                group.append(
                    InvertedResidual(before, after, stride if number == 0 else 1, expansion if index > 0 else 1)
                )
                before = after
            self.blocks.append(group)
        last = max(int(_LAST_WIDTH * width), _LAST_WIDTH)
        self.conv2 = _convolution(before, last, size=1, stride=1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(nn.Linear(last, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = self.conv1(images)
        for group in self.blocks:
            hidden = group(hidden)
        return self.classifier(self.flatten(self.avgpool(self.conv2(hidden))))


class InvertedResidual(nn.Module):
    """A widening 1x1, a depthwise 3x3 and a linear 1x1 convolution, added to the input where the shapes allow it."""

    def __init__(self, before: int, after: int, stride: int, expansion: int):
        super().__init__()
        inner = before * expansion
        self.adds = stride == 1 and before == after
        self.conv = nn.Sequential(
            nn.Conv2d(before, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, stride=stride, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(
        self, hidden: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after new_height new_width"]:
        return hidden + self.conv(hidden) if self.adds else self.conv(hidden)


def mobilenetv2_t_w(expansion: int, width: float, num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return MobileNetV2(expansion=expansion, width=width).build(num_classes, image)


def mobile_half(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return MobileNetV2(expansion=6, width=0.5).build(num_classes, image)


def _convolution(before: int, after: int, size: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, size, stride=stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())
