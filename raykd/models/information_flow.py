"""The small networks of the information-flow paper (Passalis et al., CVPR 2020, arXiv 2005.00727): CNN-1 and CNN-1-A.

CNN-1, the student, is three times 3x3 convolution without padding, normalisation, ReLU and 2x2 max pooling, then a
linear embedding with ReLU and a linear layer; CNN-1-A, the auxiliary teacher, is twice as wide. There is a stage for
each of the four layers that the paper matches; the last one is the flat embedding that retrieval uses. Parameter
names and sizes are those of the released code (`Cifar_Very_Tiny` and `Cifar_Tiny` of github.com/passalis/pkth).
The paper's teacher is in `raykd.models.preactivation_resnet`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged

_LEAST_SIDE = 22  # pixels: 22 -> 10 -> 4 -> 1


@dataclass(frozen=True, kw_only=True)
class InformationFlowCNN:
    """A network of the information-flow paper as it stands in a recipe.

    Args:
        width: channels of the first convolution; the next two have 2 and 4 times, the embedding 8 times as many.
    """

    width: int = 8

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InvalidError(f"width must be at least 1 channel, got {self.width}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        """As `ModelSpec.build`; ValueError for images of fewer than 22 pixels a side."""
        if min(image[1:]) < _LEAST_SIDE:
            raise InvalidError(
                f"this network needs images of at least {_LEAST_SIDE} x {_LEAST_SIDE} pixels, got {image}"
            )
        network = InformationFlowNetwork(self.width, num_classes, image)
        # the ReLU after the pooling gives the same map, and shows what is below 0 before it
        layers = [(f"conv{number}", f"conv{number}_bn", "pool", torch.relu) for number in (1, 2, 3)]
        return Staged(network, stem=(), stages=(*layers, ("flatten", "fc1", torch.relu)), head="fc2")


class InformationFlowNetwork(nn.Module):
    """The plain network; made for images of one shape (channels, height, width)."""

    def __init__(self, width: int, num_classes: int, image: Shape):
        super().__init__()
        self.conv1 = nn.Conv2d(image[0], width, 3)
        self.conv1_bn = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, 2 * width, 3)
        self.conv2_bn = nn.BatchNorm2d(2 * width)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, 3)
        self.conv3_bn = nn.BatchNorm2d(4 * width)
        self.pool = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(4 * width * _side(image[1]) * _side(image[2]), 8 * width)
        self.fc2 = nn.Linear(8 * width, num_classes)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = self.pool(F.relu(self.conv1_bn(self.conv1(images))))
        hidden = self.pool(F.relu(self.conv2_bn(self.conv2(hidden))))
        hidden = self.pool(F.relu(self.conv3_bn(self.conv3(hidden))))
        return self.fc2(F.relu(self.fc1(self.flatten(hidden))))


def cnn_1(num_classes: int = 10, image: Shape = (3, 32, 32)) -> Staged:
    """CNN-1; the paper's size is that for 10 classes."""
    return InformationFlowCNN(width=8).build(num_classes, image)


def cnn_1_a(num_classes: int = 10, image: Shape = (3, 32, 32)) -> Staged:
    """CNN-1-A; the paper's size is that for 10 classes."""
    return InformationFlowCNN(width=16).build(num_classes, image)


def _side(pixels: int) -> int:
    """What three times convolution without padding and pooling leave of a side."""
    for _ in range(3):
        pixels = (pixels - 2) // 2
    return pixels
