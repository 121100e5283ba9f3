"""What is told of the images and classes that a network was trained with: by timm, by torchvision, or by its file.

A file tells them in its own metadata (safetensors), beside its weights (PyTorch's), or in a `config.json` next to it as
timm and the Hugging Face hub write it. These words are known, at the top or in a `pretrained_cfg`:

* `mean`, `std`, `interpolation`, and `input_size` or `image_size` (a side, height and width, or channels before them);
* `classes`, `class_names`, `label_names` or `categories` (names in the order of the scores), or
  `class_to_idx` or `id2label`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
from torch import Tensor

from raykd.errors import InvalidError
from raykd.models import torchvision_weights
from raykd.models.eyes import Eyes
from raykd.models.timm import Timm, library
from raykd.models.torchvision import Torchvision
from raykd.models.weight_files import read_file
from raykd.models.weights import find

_SIZES = ("input_size", "image_size", "img_size")
_CLASSES = ("classes", "class_names", "label_names", "categories")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is told of a network; nothing of what is not.

    Args:
        eyes: None where neither normalisation nor size is told.
        classes: names in the order of the scores.
    """

    eyes: Eyes | None = None
    classes: tuple[str, ...] = ()


def told_by_library(model: object) -> Told:
    """What timm or torchvision tells of the weights that a model brings; of others nothing."""
    match model:
        case Timm(pretrained=True):
            config = library().get_pretrained_cfg(model.name)
            view = {"mean": config.mean, "std": config.std, "input_size": config.input_size}
            return _understood(view | {"interpolation": config.interpolation, "classes": _imagenet(config.num_classes)})
        case Torchvision(name=name, weights=str(weights)):
            published = torchvision_weights.published(name).get(weights)
            if published is not None:
                view = published.transforms()
                kind = {"mean": view.mean, "std": view.std, "input_size": view.crop_size * 2}
                classes = published.meta["categories"]
                return _understood(kind | {"interpolation": view.interpolation.value, "classes": classes})
    return Told()


def told_by_file(file: str | Path) -> Told:
    """What a file of weights, or the `config.json` next to it, tells.

    Raises:
        FileNotFoundError: no such file.
        ValueError: what it tells cannot be, such as a deviation of 0.
    """
    path = find(file)
    beside = path.with_name("config.json")
    try:
        words = json.loads(beside.read_text()) if beside.is_file() else {}
        return _understood(words | _words_in(path))
    except (ValueError, TypeError) as error:
        raise InvalidError(f"{path} tells of its images what cannot be: {error}") from None


def _words_in(path: Path) -> dict[str, Any]:
    if path.suffix == ".safetensors":
        with safetensors.safe_open(path, framework="pt") as opened:
            return {key: _value(text) for key, text in (opened.metadata() or {}).items()}
    content = read_file(path)
    return {str(key): value for key, value in content.items()} if isinstance(content, Mapping) else {}


def _value(text: str) -> Any:
    """What a safetensors file says as a string: JSON where it is some."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _understood(words: Mapping[str, Any]) -> Told:
    inner = words.get("pretrained_cfg")
    known = {**words, **(inner if isinstance(inner, Mapping) else {})}
    size = next((_size(known[key]) for key in _SIZES if key in known), None)
    mean, std = (_numbers(known.get(key)) for key in ("mean", "std"))
    eyes = None
    if size is not None or mean is not None:
        interpolation = {"interpolation": known["interpolation"]} if "interpolation" in known else {}
        eyes = Eyes(mean=mean, std=std, size=size, **interpolation)
    return Told(eyes=eyes, classes=_names(known))


def _numbers(value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    return tuple(map(float, value.flatten().tolist() if isinstance(value, Tensor) else value))


def _size(value: Any) -> tuple[int, int]:
    sides = [int(side) for side in value] if isinstance(value, Sequence) else [int(value)] * 2
    return sides[-2], sides[-1]


def _names(known: Mapping[str, Any]) -> tuple[str, ...]:
    if isinstance(indices := known.get("class_to_idx"), Mapping):
        return tuple(str(name) for name, _ in sorted(indices.items(), key=lambda item: int(item[1])))
    if isinstance(labels := known.get("id2label"), Mapping):
        return tuple(str(name) for _, name in sorted(labels.items(), key=lambda item: int(item[0])))
    names = next((known[key] for key in _CLASSES if isinstance(known.get(key), list | tuple)), ())
    return tuple(map(str, names))


def _imagenet(num_classes: int) -> tuple[str, ...]:
    """The names of a subset of ImageNet, which its size tells, each with its WordNet number; of others none."""
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset({"num_classes": num_classes})
    if subset is None:
        return ()
    info = ImageNetInfo(subset)
    return tuple(
        f"{info.index_to_label_name(index)}, {info.index_to_description(index)}" for index in range(num_classes)
    )
