"""MNIST (LeCun et al., 1998): 60,000 + 10,000 handwritten digits, 28x28 grey pixels, 10 classes.

The four idx files, packed or not, are looked for in the places that `raykd.data.standard` names.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from raykd.data import Augmentation
from raykd.data.dataset import Dataset, SeededSplit
from raykd.data.formats import idx
from raykd.data.standard import TEN_DIGITS, Published, assemble, check
from raykd.space.fields import place

NUM_CLASSES = len(TEN_DIGITS)


@dataclass(frozen=True, kw_only=True)
class MNIST(SeededSplit):
    """MNIST as it stands in a recipe.

    Args:
        root: the folder to look in; None looks in the places that `raykd.data.standard` names.
        download: get missing files through torchvision, into `root` or else `~/.cache/raykd`.
        validation: images of the 60,000 that are held out of training.
        limit: train on at most this many of the other images, the first in the set's own (mixed) order.
        mean, std: to normalise by, on the scale 0 to 1; None for those of the training pixels.
        augmentation: how the training views are made; digits are never mirrored by default.
        seed: which images are held out, and the views.
    """

    name: ClassVar[str] = "mnist"
    root: str | None = place(None)
    download: bool = place(False)
    validation: int = 10_000
    limit: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    augmentation: Augmentation = Augmentation(padding=2)
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, channels=1)
        object.__setattr__(self, "root", _SET.pinned(self.root))

    def at_home(self) -> "MNIST":
        return replace(self, download=_SET.downloads_at_home(self.root, self.download))

    def load(self) -> Dataset:
        paths = _SET.find(self.root, self.download)
        whole, test = (idx.split(*part, num_classes=NUM_CLASSES) for part in (paths[:2], paths[2:]))
        return assemble(self, whole, test, TEN_DIGITS)


def _fetch(root: Path) -> None:
    from torchvision import datasets  # takes a second to import, and is seldom needed

    idx.fetch(datasets.MNIST, root / _SET.below)


_SET = Published(title="MNIST", below="MNIST/raw", files=idx.FILES, endings=("", ".gz"), fetch=_fetch)
