"""Fashion-MNIST (Xiao et al., arXiv 1708.07747): 60,000 + 10,000 images of clothing, 28x28 grey pixels, 10 classes.

The four idx files, packed or not, are looked for in the places that `raykd.data.standard` names, and where Debian's
package `dataset-fashion-mnist` puts them.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from raykd.data import Augmentation
from raykd.data.dataset import Dataset, SeededSplit
from raykd.data.formats import idx
from raykd.data.standard import CACHE, HERE, Published, assemble, check
from raykd.space.fields import place

CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
NUM_CLASSES = len(CLASSES)
FILES = idx.FILES
_ROOTS = (HERE, CACHE, "/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, kw_only=True)
class FashionMNIST(SeededSplit):
    """Fashion-MNIST as it stands in a recipe.

    Args:
        root: the folder to look in; None looks in the places that the file's docstring names.
        download: get missing files through torchvision, into `root` or else `~/.cache/raykd`.
        validation: images of the 60,000 that are held out of training.
        limit: train on at most this many of the other images, the first in the set's own (mixed) order.
        mean, std: to normalise by, on the scale 0 to 1; None for those of the training pixels.
        augmentation: how the training views are made.
        seed: which images are held out, and the views.
    """

    name: ClassVar[str] = "fashion_mnist"
    root: str | None = place(None)
    download: bool = place(False)
    validation: int = 10_000
    limit: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    augmentation: Augmentation = Augmentation(padding=2, flip=True)
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, channels=1)
        object.__setattr__(self, "root", _SET.pinned(self.root))

    def at_home(self) -> "FashionMNIST":
        return replace(self, download=_SET.downloads_at_home(self.root, self.download))

    def load(self) -> Dataset:
        paths = _SET.find(self.root, self.download, _ROOTS)
        whole, test = (idx.split(*part, num_classes=NUM_CLASSES) for part in (paths[:2], paths[2:]))
        return assemble(self, whole, test, CLASSES)


def _fetch(root: Path) -> None:
    from torchvision import datasets  # takes a second to import, and is seldom needed

    idx.fetch(datasets.FashionMNIST, root / _SET.below)


_SET = Published(title="Fashion-MNIST", below="FashionMNIST/raw", files=FILES, endings=("", ".gz"), fetch=_fetch)
