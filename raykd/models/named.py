"""A network by its name: `timm/NAME`, `torchvision/NAME`, or one of raykd's own, such as `resnet8x4` or `cnn`."""

from collections.abc import Iterator

from raykd.errors import InvalidError, MissingError, nearest
from raykd.models.architectures import OWN, Architecture
from raykd.models.timm import Timm, library
from raykd.models.torchvision import NAMES, Torchvision


def network(name: str, pretrained: bool = False) -> Architecture | Timm | Torchvision:
    """The network of a name, as it stands in a recipe.

    Args:
        name: with a library in front, or one of raykd's own; see `OWN`.
        pretrained: whether it starts from the weights that its library has for it: timm's for the name with its tag,
            torchvision's newest.

    Raises:
        ValueError: there is none of this name, with those that look like it; or it brings no weights.
        FileNotFoundError: timm is not installed.
    """
    library_name, _, rest = name.rpartition("/")
    if library_name == "timm":
        return Timm(name=rest, pretrained=pretrained)
    if library_name == "torchvision":
        return Torchvision(name=rest, weights="DEFAULT" if pretrained else None)
    if name not in OWN:
        elsewhere = [other for other in _elsewhere() if other.partition("/")[2] == name]
        hint = f"did you mean {' or '.join(elsewhere)}" if elsewhere else nearest(name, [*OWN, *_elsewhere()])
        raise InvalidError(f"unknown network {name!r}; {hint}")
    if pretrained:
        raise InvalidError(f"raykd has no weights of {name}; those with weights are timm/NAME and torchvision/NAME")
    return OWN[name]


def _elsewhere() -> Iterator[str]:
    """The names in the libraries that are installed."""
    yield from (f"torchvision/{name}" for name in NAMES)
    try:
        yield from (f"timm/{name}" for name in library().list_models())
    except MissingError:
        return
