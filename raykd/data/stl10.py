"""STL-10 (Coates et al., 2011): 5,000 + 8,000 labelled images, 96x96 coloured pixels, 10 classes.

The binary files are looked for as torchvision lays them out (`ROOT/stl10_binary`) or in the root itself; where roots
lie is told in `raykd.data.standard`. Left out: the 100,000 images without labels, and the ten folds of 1,000.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch

from raykd.data import Augmentation, Split
from raykd.data.dataset import Dataset, SeededSplit
from raykd.data.standard import Published, assemble, check
from raykd.errors import InvalidError
from raykd.space.fields import place

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
NUM_CLASSES = len(CLASSES)
_SHAPE = (3, 96, 96)


@dataclass(frozen=True, kw_only=True)
class STL10(SeededSplit):
    """STL-10 as it stands in a recipe.

    Args:
        root: the folder to look in; None looks in the places that `raykd.data.standard` names.
        download: get missing files from the set's home (2.6 GB), into `root` or else `~/.cache/raykd`.
        validation: images of the 5,000 that are held out of training.
        limit: train on at most this many of the other images, the first in the set's own (mixed) order.
        mean, std: to normalise by, on the scale 0 to 1; None for those of the training pixels.
        augmentation: how the training views are made.
        seed: which images are held out, and the views.
    """

    name: ClassVar[str] = "stl10"
    root: str | None = place(None)
    download: bool = place(False)
    validation: int = 500
    limit: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    augmentation: Augmentation = Augmentation(padding=12, flip=True)
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, channels=3)
        object.__setattr__(self, "root", _SET.pinned(self.root))

    def at_home(self) -> "STL10":
        return replace(self, download=_SET.downloads_at_home(self.root, self.download))

    def load(self) -> Dataset:
        paths = _SET.find(self.root, self.download)
        return assemble(self, _split(*paths[:2]), _split(*paths[2:]), CLASSES)


def _split(images_path: Path, labels_path: Path) -> Split:
    pixels, labels = (
        torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8) for path in (images_path, labels_path)
    )
    size = 3 * 96 * 96
    if len(pixels) != len(labels) * size:
        raise InvalidError(
            f"{images_path}: {len(pixels)} bytes, where the {len(labels)} labels of {labels_path} ask for "
            f"{len(labels)} x {size}; remove both and get them again"
        )
    if not bool(((labels >= 1) & (labels <= NUM_CLASSES)).all()):
        raise InvalidError(f"{labels_path}: labels must be 1 to {NUM_CLASSES}, found {labels.min()} to {labels.max()}")
    by_columns = pixels.reshape(-1, *_SHAPE)  # the files hold each image column by column
    return Split(by_columns.transpose(2, 3).contiguous(), labels.to(torch.int64) - 1)


def _fetch(root: Path) -> None:
    from torchvision import datasets
    from torchvision.datasets.utils import download_and_extract_archive

    download_and_extract_archive(
        datasets.STL10.url, str(root), filename=datasets.STL10.filename, md5=datasets.STL10.tgz_md5
    )


_SET = Published(
    title="STL-10",
    below="stl10_binary",
    files=("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"),
    fetch=_fetch,
)
