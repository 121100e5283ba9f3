"""The networks that RepDistiller and mdistiller name their folders by."""

from raykd.errors import InvalidError
from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.four_stage_resnet import FourStageResNet
from raykd.models.mobilenet_v2 import MobileNetV2
from raykd.models.shufflenet_v1 import ShuffleNetV1
from raykd.models.shufflenet_v2 import ShuffleNetV2
from raykd.models.vgg import VGG
from raykd.models.wide_resnet import WRN
from raykd.protocols.model import ModelSpec

ARCHITECTURES: dict[str, ModelSpec] = {
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


def architecture(folder: str) -> ModelSpec:
    """The network that a folder is named by: `wrn_40_2_vanilla`, `vgg13_cifar100_lr_0.05_...`, `S:vgg8_T:vgg13_...`.

    Raises:
        ValueError: it names none that is known, with the choices.
    """
    words = folder.removeprefix("S:").split("_")
    for length in (3, 2, 1):  # wrn_40_2, mobile_half, vgg13
        if found := ARCHITECTURES.get("_".join(words[:length])):
            return found
    choices = ", ".join(ARCHITECTURES)
    raise InvalidError(f"the folder {folder!r} names no known network; give `model`, or a name of {choices}")
