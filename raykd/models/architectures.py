"""The networks that RepDistiller and mdistiller name their folders by, and those of raykd under its own names."""

from typing import TypeAlias

from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.cnn import CNN
from raykd.models.four_stage_resnet import FourStageResNet
from raykd.models.mobilenet_v1 import MobileNetV1
from raykd.models.mobilenet_v2 import MobileNetV2
from raykd.models.shufflenet_v1 import ShuffleNetV1
from raykd.models.shufflenet_v2 import ShuffleNetV2
from raykd.models.vgg import VGG
from raykd.models.wide_resnet import WRN

Architecture: TypeAlias = (
    ResNet | FourStageResNet | WRN | VGG | MobileNetV1 | MobileNetV2 | ShuffleNetV1 | ShuffleNetV2 | CNN
)

ARCHITECTURES: dict[str, Architecture] = {
    **{f"resnet{depth}": ResNet(depth=depth) for depth in (8, 14, 20, 32, 44, 56, 110)},
    **{f"resnet{depth}x4": ResNet(depth=depth, widths=WIDE) for depth in (8, 32)},
    **{f"ResNet{depth}": FourStageResNet(depth=depth) for depth in (18, 34, 50, 101, 152)},
    **{f"wrn_{depth}_{factor}": WRN(depth=depth, factor=factor) for depth in (16, 40) for factor in (1, 2)},
    **{f"vgg{depth}": VGG(depth=depth) for depth in (8, 11, 13, 16, 19)},
    "MobileNetV2": MobileNetV2(expansion=6, width=0.5),
    "mobile_half": MobileNetV2(expansion=6, width=0.5),
    "ShuffleV1": ShuffleNetV1(),
    "ShuffleV2": ShuffleNetV2(width=1.0),
}

OWN: dict[str, Architecture] = ARCHITECTURES | {
    "cnn": CNN(),
    "mobilenet_v1": MobileNetV1(),
    "mobilenet_v2": MobileNetV2(),
    "shufflenet_v1": ShuffleNetV1(),
    "shufflenet_v2": ShuffleNetV2(),
}
