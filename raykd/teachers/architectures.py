"""The network that a folder is named by, as RepDistiller and mdistiller name theirs."""

from raykd.errors import InvalidError
from raykd.models.architectures import ARCHITECTURES
from raykd.protocols.model import ModelSpec


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
