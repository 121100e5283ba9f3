"""timm's networks by their names, cut into stages (`raykd.models.timm_cut`), with the weights that timm has for them.

timm is no part of raykd: `pip install 'raykd[timm]'` brings it (Wightman, https://github.com/huggingface/pytorch-image-
models, Apache-2.0). It is imported when one of its networks is made.
"""

import dataclasses
import functools
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from raykd.errors import InvalidError, MissingError, nearest, one_line
from raykd.models import timm_weights
from raykd.models.staged import Shape, Staged
from raykd.models.timm_cut import Cut, find_cut
from raykd.models.weights import anchored, content, read_weights


@dataclass(frozen=True, kw_only=True)
class Timm:
    """One of timm's networks as it stands in a recipe.

    Args:
        name: timm's, such as `resnet50` or `vit_small_patch16_224`, or with the tag that tells its weights from
            others, such as `resnet50.a1_in1k`.
        pretrained: whether it starts from the weights that timm has for the name, in every place that builds it: from
            the cache of the Hugging Face hub, or else from the hub. The tag is then part of the name, the one that
            timm takes first where none is given.
        weights: a file of such weights, read without executing code, in the place of timm's. Hashes follow its content,
            not its path. The last layer of weights for another number of classes is left out and starts afresh.
    """

    name: str = "mobilenetv3_small_100"
    pretrained: bool = False
    weights: str | None = None

    def __post_init__(self) -> None:
        timm = library()
        name, _, tag = self.name.partition(".")
        if not timm.is_model(name):
            raise InvalidError(f"unknown network {self.name!r} of timm; {nearest(name, timm.list_models())}")
        tags = [each.partition(".")[2] for each in timm.list_models(f"{name}.*", pretrained=True)]
        if tag and tag not in tags:
            raise InvalidError(f"unknown weights {tag!r} of timm's {name}; {nearest(tag, tags)}")
        if self.pretrained and self.weights is not None:
            raise InvalidError("of pretrained and weights one may be given, got both")
        if self.pretrained and not tags:
            raise InvalidError(f"timm has no weights of {name}; pretrained must be False, or weights a file")
        if self.pretrained and not tag:
            object.__setattr__(self, "name", f"{name}.{timm.get_pretrained_cfg(name).tag}")
        if self.weights is not None:
            object.__setattr__(self, "weights", anchored(self.weights))

    def build(self, num_classes: int, image: Shape) -> Staged:
        """As `ModelSpec.build`.

        Raises:
            ValueError: images that the network cannot take, a network that cannot be cut, or weights of another one.
            FileNotFoundError: no such file of weights.
            ConnectionError: its weights are not here, and the hub does not answer.
        """
        cut = _cut(self.name, tuple(image))
        if not self.pretrained and self.weights is None:
            return cut.of(made(self.name, num_classes, image))
        config = library().get_pretrained_cfg(self.name)
        file = self.weights or timm_weights.fetched(self.name, config)
        make = functools.partial(made, self.name, image=image)
        state = read_weights(file).state
        return cut.of(timm_weights.load(make, state, file, self.name, config, num_classes, self.pretrained))

    def bare(self) -> "Timm":
        """As `raykd.protocols.model.BringsWeights`."""
        return dataclasses.replace(self, pretrained=False, weights=None)

    def contents(self) -> dict[str, Any]:
        """As `raykd.space.serialise.NamesFiles`."""
        return {"weights": content(self.weights)} if self.weights is not None else {}


def library() -> ModuleType:
    """Timm itself.

    Raises:
        FileNotFoundError: it is not installed.
    """
    try:
        import timm
    except ModuleNotFoundError:
        raise MissingError("networks of timm need the library: pip install 'raykd[timm]'") from None
    return timm


def made(name: str, num_classes: int, image: Shape, **options: Any) -> Any:
    """Timm's own network for images of a shape.

    Raises:
        ValueError: images that it cannot take.
    """
    timm = library()
    if timm.get_pretrained_cfg(name).fixed_input_size:
        options["img_size"] = tuple(image[1:])
    try:
        return timm.create_model(name, num_classes=num_classes, in_chans=image[0], **options)
    except (AssertionError, TypeError, ValueError, RuntimeError) as error:
        raise InvalidError(f"timm's {name} takes no images of {image}: {_told(error)}") from None


@functools.lru_cache(maxsize=256)
def _cut(name: str, image: Shape) -> Cut:
    """Where a network is cut, found once a process, without numbers."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        network = made(name, 2, image).eval()
        try:
            return find_cut(network, image)
        except InvalidError as error:
            raise InvalidError(f"timm's {name} cannot be cut into stages: {error}") from None
        except (AssertionError, RuntimeError) as error:
            raise InvalidError(f"timm's {name} takes no images of {image}: {_told(error)}") from None


def _told(error: Exception) -> str:
    return one_line(error) or type(error).__name__  # some of timm's assertions say nothing
