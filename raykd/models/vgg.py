"""VGG networks with batch normalisation for small images (Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556).

Five blocks of 3x3 convolutions at 1, 1/2, 1/4, 1/8 and 1/8 of the image's size, global average pooling, and one
linear layer in place of the three. From images of 64 pixels a side on, the last block is pooled down as well (1/16).
Parameter names and sizes are those of RepDistiller and mdistiller (`vgg13_bn`, which they list as `vgg13`), so that
their checkpoints load into `VGGNetwork`.

The first block is the stem and the other four are the stages, as RepDistiller takes features for its losses. Each
stage ends after its ReLU, or before it, where QuEST takes those of VGG13. Left out: VGG without normalisation.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged

CONVOLUTIONS = {8: (1, 1, 1, 1, 1), 11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)
_LEAST_SIDE = 8  # pixels: three poolings leave one
_POOLED_SIDE = 64


@dataclass(frozen=True, kw_only=True)
class VGG:
    """A VGG network as it stands in a recipe.

    Args:
        depth: 8, 11, 13, 16 or 19, the layers with weights of the original with its three linear layers.
        activated: whether the stages end after their ReLU, or before it.
    """

    depth: int = 8
    activated: bool = True

    def __post_init__(self) -> None:
        if self.depth not in CONVOLUTIONS:
            raise InvalidError(f"unknown depth {self.depth}; choices: {', '.join(map(str, CONVOLUTIONS))}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        """As `ModelSpec.build`; ValueError for images of fewer than 8 pixels a side."""
        if min(image[1:]) < _LEAST_SIDE:
            raise InvalidError(f"VGG needs images of at least {_LEAST_SIDE} x {_LEAST_SIDE} pixels, got {image}")
        network = VGGNetwork(CONVOLUTIONS[self.depth], num_classes, channels=image[0])
        pools = [f"pool{index}" for index in range(3)] + (["pool3"] if image[1] >= _POOLED_SIDE else [])
        blocks = [(*pools[index : index + 1], f"block{index + 1}") for index in range(4)]
        head = ("pool4", "flatten", "classifier")
        if self.activated:
            return Staged(
                network, stem=("block0", torch.relu), stages=[(*block, torch.relu) for block in blocks], head=head
            )
        return Staged(
            network, stem="block0", stages=[(torch.relu, *block) for block in blocks], head=(torch.relu, *head)
        )


class VGGNetwork(nn.Module):
    """The plain network; images of at least 8 x 8 pixels.

    Args:
        convolutions: number of convolutions in each of the five blocks.
    """

    def __init__(self, convolutions: tuple[int, ...], num_classes: int, channels: int = 3):
        super().__init__()
        before = (channels, *WIDTHS)
        self.block0 = _block(convolutions[0], before[0], WIDTHS[0])
        self.block1 = _block(convolutions[1], before[1], WIDTHS[1])
        self.block2 = _block(convolutions[2], before[2], WIDTHS[2])
        self.block3 = _block(convolutions[3], before[3], WIDTHS[3])
        self.block4 = _block(convolutions[4], before[4], WIDTHS[4])
        self.pool0 = nn.MaxPool2d(2)
        self.pool1 = nn.MaxPool2d(2)
        self.pool2 = nn.MaxPool2d(2)
        self.pool3 = nn.MaxPool2d(2)
        self.pool4 = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(WIDTHS[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        hidden = self.pool0(F.relu(self.block0(images)))
        hidden = self.pool1(F.relu(self.block1(hidden)))
        hidden = self.pool2(F.relu(self.block2(hidden)))
        hidden = F.relu(self.block3(hidden))
        if images.shape[2] >= _POOLED_SIDE:
            hidden = self.pool3(hidden)
        hidden = F.relu(self.block4(hidden))
        return self.classifier(self.flatten(self.pool4(hidden)))


def vgg8(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return VGG(depth=8).build(num_classes, image)


def vgg11(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return VGG(depth=11).build(num_classes, image)


def vgg13(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return VGG(depth=13).build(num_classes, image)


def vgg16(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return VGG(depth=16).build(num_classes, image)


def vgg19(num_classes: int = 100, image: Shape = (3, 32, 32)) -> Staged:
    return VGG(depth=19).build(num_classes, image)


def _block(num_convolutions: int, before: int, width: int) -> nn.Sequential:
    """Convolution, normalisation and ReLU so many times over, without the last ReLU."""
    layers: list[nn.Module] = []
    for _ in range(num_convolutions):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers[:-1])
