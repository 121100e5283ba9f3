"""MobileNetV1 (Howard et al., 2017, arXiv 1704.04861), the small student of the papers' ImageNet pair with ResNet50.

A strided 3x3 convolution, 13 pairs of a depthwise 3x3 and a 1x1 convolution, each with batch normalisation and
ReLU, global average pooling and a linear layer. Parameter names and sizes are those of mdistiller
(`models/imagenet/mobilenetv1.py`, which other code bases of distillation name V2 by mistake), so that their
checkpoints load into `MobileNetV1Network`. The four stages end after a ReLU, at 1/4, 1/8, 1/16 and 1/32 of the
image's size, as those of an ImageNet ResNet do.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged

_STEM_WIDTH = 32
# channels before the width's multiple, and stride, of each pair of convolutions
_PAIRS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
_STAGES = (range(1, 4), range(4, 6), range(6, 12), range(12, 14))


@dataclass(frozen=True, kw_only=True)
class MobileNetV1:
    """A MobileNetV1 as it stands in a recipe.

    Args:
        width: multiple of the usual channels, which are cut to whole numbers; the paper has 1, 0.75, 0.5 and 0.25.
    """

    name: ClassVar[str] = "mobilenet_v1"
    width: float = 1.0

    def __post_init__(self) -> None:
        if int(_STEM_WIDTH * self.width) < 1:
            raise InvalidError(f"width must leave the first convolution ({_STEM_WIDTH}) a channel, got {self.width}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        network = MobileNetV1Network(self.width, num_classes, channels=image[0])
        stages = [tuple(f"model.{place}" for place in places) for places in _STAGES]
        return Staged(network, stem="model.0", stages=stages, head=(f"model.{len(_PAIRS) + 1}", "flatten", "fc"))


class MobileNetV1Network(nn.Module):
    """The plain network; images of any size, at least 1 x 1 pixel."""

    def __init__(self, width: float, num_classes: int, channels: int = 3):
        super().__init__()
        before = int(_STEM_WIDTH * width)
        self.model = nn.Sequential(nn.Sequential(*_convolution(channels, before, size=3, stride=2)))
        for pair_width, stride in _PAIRS:
            after = int(pair_width * width)
            depthwise = _convolution(before, before, size=3, stride=stride, groups=before)
            self.model.append(nn.Sequential(*depthwise, *_convolution(before, after, size=1)))
            before = after
        self.model.append(nn.AdaptiveAvgPool2d(1))
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(before, num_classes)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        return self.fc(self.flatten(self.model(images)))


def _convolution(before: int, after: int, size: int, stride: int = 1, groups: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(before, after, size, stride=stride, padding=size // 2, groups=groups, bias=False)
    return convolution, nn.BatchNorm2d(after), nn.ReLU()
