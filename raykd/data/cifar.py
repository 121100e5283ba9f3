"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009): 50,000 + 10,000 images, 32x32 coloured pixels, 10 or 100 classes.

The Python version is read, as torchvision lays it out (`ROOT/cifar-10-batches-py`, `ROOT/cifar-100-python`) or in the
root itself; where roots lie is told in `raykd.data.standard`. Its files are pickles: `raykd.data.formats.unpickle`
reads them and runs nothing of what stands in them, so that no checksum has to vouch for them.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from raykd.data import Augmentation, Split
from raykd.data.dataset import Dataset, SeededSplit
from raykd.data.formats.unpickle import read
from raykd.data.standard import Published, assemble, check
from raykd.errors import InvalidError
from raykd.space.fields import place

_SHAPE = (3, 32, 32)
# As `batches.meta` and `meta` have them, which need not lie beside the images.
_TEN_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_HUNDRED_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
"""
_HUNDRED_CLASSES = tuple(_HUNDRED_NAMES.split())


@dataclass(frozen=True, kw_only=True)
class CIFAR10(SeededSplit):
    """CIFAR-10 as it stands in a recipe.

    Args:
        root: the folder to look in; None looks in the places that `raykd.data.standard` names.
        download: get missing files from the set's home, into `root` or else `~/.cache/raykd`.
        validation: images of the 50,000 that are held out of training.
        limit: train on at most this many of the other images, the first in the set's own (mixed) order.
        mean, std: to normalise by, on the scale 0 to 1; by default of all 50,000 images, as is customary. Some
            published teachers were trained with another std, (0.2023, 0.1994, 0.2010): set what a teacher was trained
            with. None for those of the pixels that are trained on.
        augmentation: how the training views are made.
        seed: which images are held out, and the views.
    """

    name: ClassVar[str] = "cifar10"
    root: str | None = place(None)
    download: bool = place(False)
    validation: int = 5_000
    limit: int | None = None
    mean: tuple[float, ...] | None = (0.4914, 0.4822, 0.4465)
    std: tuple[float, ...] | None = (0.2470, 0.2435, 0.2616)
    augmentation: Augmentation = Augmentation(padding=4, flip=True)
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, channels=3)
        object.__setattr__(self, "root", _TEN.pinned(self.root))

    def at_home(self) -> "CIFAR10":
        return replace(self, download=_TEN.downloads_at_home(self.root, self.download))

    def load(self) -> Dataset:
        *train, test = (_split(path, "labels", len(_TEN_CLASSES)) for path in _TEN.find(self.root, self.download))
        return assemble(self, _joined(train), test, _TEN_CLASSES)


@dataclass(frozen=True, kw_only=True)
class CIFAR100(SeededSplit):
    """CIFAR-100, with its 100 fine classes, as it stands in a recipe.

    Args:
        root: the folder to look in; None looks in the places that `raykd.data.standard` names.
        download: get missing files from the set's home, into `root` or else `~/.cache/raykd`.
        validation: images of the 50,000 that are held out of training.
        limit: train on at most this many of the other images, the first in the set's own (mixed) order.
        mean, std: to normalise by, on the scale 0 to 1; by default those that the published teachers of RepDistiller
            and mdistiller were trained with. None for those of the pixels that are trained on.
        augmentation: how the training views are made.
        seed: which images are held out, and the views.
    """

    name: ClassVar[str] = "cifar100"
    root: str | None = place(None)
    download: bool = place(False)
    validation: int = 5_000
    limit: int | None = None
    mean: tuple[float, ...] | None = (0.5071, 0.4867, 0.4408)
    std: tuple[float, ...] | None = (0.2675, 0.2565, 0.2761)
    augmentation: Augmentation = Augmentation(padding=4, flip=True)
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, channels=3)
        object.__setattr__(self, "root", _HUNDRED.pinned(self.root))

    def at_home(self) -> "CIFAR100":
        return replace(self, download=_HUNDRED.downloads_at_home(self.root, self.download))

    def load(self) -> Dataset:
        train, test = (
            _split(path, "fine_labels", len(_HUNDRED_CLASSES)) for path in _HUNDRED.find(self.root, self.download)
        )
        return assemble(self, train, test, _HUNDRED_CLASSES)


def _split(path: Path, key: str, num_classes: int) -> Split:
    content = read(path)
    images, labels = content.get("data"), content.get(key)
    if not isinstance(images, torch.Tensor) or not isinstance(labels, list):
        raise InvalidError(f"{path}: no images and {key} in it, but {', '.join(sorted(content))}")
    if images.ndim != 2 or images.shape[1] != 3 * 32 * 32:
        raise InvalidError(f"{path}: images of shape {tuple(images.shape)}, where each should be 3,072 bytes")
    if len(labels) != len(images):
        raise InvalidError(f"{path}: {len(labels)} labels for {len(images)} images")
    wrong = [label for label in labels if not (isinstance(label, int) and 0 <= label < num_classes)]
    if wrong:
        raise InvalidError(f"{path}: labels must be 0 to {num_classes - 1}, found {wrong[0]!r}")
    return Split(images.reshape(-1, *_SHAPE), torch.tensor(labels, dtype=torch.int64))


def _joined(parts: list[Split]) -> Split:
    return Split(torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts]))


def _fetch_ten(root: Path) -> None:
    from torchvision import datasets

    _fetch(datasets.CIFAR10, root)


def _fetch_hundred(root: Path) -> None:
    from torchvision import datasets

    _fetch(datasets.CIFAR100, root)


def _fetch(source: Any, root: Path) -> None:
    """Downloads and unpacks an archive; to make a `source` would do so too, and run its pickles."""
    from torchvision.datasets.utils import download_and_extract_archive

    download_and_extract_archive(source.url, str(root), filename=source.filename, md5=source.tgz_md5)


_TEN = Published(
    title="CIFAR-10",
    below="cifar-10-batches-py",
    files=(*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"),
    fetch=_fetch_ten,
)
_HUNDRED = Published(title="CIFAR-100", below="cifar-100-python", files=("train", "test"), fetch=_fetch_hundred)
