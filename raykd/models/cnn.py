"""Small convolutional networks for small images: 8x8 digits, 28x28 Fashion-MNIST, any others.

Each stage is one or more times 3x3 convolution, normalisation, ReLU. A 2x2 max pooling opens every stage but the
first, as long as the map is at least 4x4 before it. The sizes of the maps therefore depend on the image and the
stage's number alone, so that the stages of any two of these networks can stand in for each other; a teacher is
made bigger than its student by `widths` and `convolutions`. The head is global average pooling and a linear layer.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged

NORMS = ("batch", "group", "none")
_MOST_GROUPS = 4
_LEAST_POOLED = 4  # pixels a side: below this a 2x2 pooling would leave a map of a single pixel


@dataclass(frozen=True, kw_only=True)
class CNN:
    """A small convolutional network as it stands in a recipe.

    Args:
        widths: channels of each stage.
        convolutions: number of convolutions in each stage.
        norm: `batch`, `none`, or `group`: up to 4 groups of channels in each image, which does not depend on how a
            batch is cut over processes.
    """

    widths: tuple[int, ...] = (8, 16, 32)
    convolutions: int = 1
    norm: str = "batch"

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1:
            raise InvalidError(f"widths must be one or more numbers of at least 1 channel, got {self.widths}")
        if self.convolutions < 1:
            raise InvalidError(f"a stage needs at least 1 convolution, got {self.convolutions}")
        if self.norm not in NORMS:
            raise InvalidError(f"unknown norm {self.norm!r}; choices: {', '.join(NORMS)}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        network = ConvolutionalNetwork(self, num_classes, image)
        names = [f"stages.{index}" for index in range(len(self.widths))]
        return Staged(network, stem=(), stages=names, head=("avgpool", "flatten", "fc"))


class ConvolutionalNetwork(nn.Module):
    """The plain network of a `CNN`; made for images of one shape (channels, height, width)."""

    def __init__(self, spec: CNN, num_classes: int, image: Shape):
        super().__init__()
        before, smaller_side = image[0], min(image[1:])
        self.stages = nn.Sequential()
        for index, width in enumerate(spec.widths):
            pool = index > 0 and smaller_side >= _LEAST_POOLED
            smaller_side = smaller_side // 2 if pool else smaller_side
            self.stages.append(_stage(before, width, spec.convolutions, spec.norm, pool))
            before = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(before, num_classes)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        return self.fc(self.flatten(self.avgpool(self.stages(images))))


def _stage(before: int, width: int, num_convolutions: int, norm: str, pool: bool) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if pool:
        layers["pool"] = nn.MaxPool2d(2)
    for number in range(1, num_convolutions + 1):
        convolution = nn.Conv2d(before, width, 3, padding=1, bias=norm == "none")
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        layers[f"conv{number}"] = convolution
        if norm == "batch":
            layers[f"norm{number}"] = nn.BatchNorm2d(width)
        elif norm == "group":
            layers[f"norm{number}"] = nn.GroupNorm(math.gcd(width, _MOST_GROUPS), width)
        layers[f"relu{number}"] = nn.ReLU()
        before = width
    return nn.Sequential(layers)
