"""Fashion-MNIST (Xiao et al., arXiv 1708.07747): 60,000 + 10,000 images of clothing, 28x28 grey pixels, 10 classes.

The four idx files, packed or not, are looked for as torchvision lays them out (`ROOT/FashionMNIST/raw`) and in
`ROOT` itself. With no root given: in `data` under the working folder, in `~/.cache/raykd`, and where Debian's package
`dataset-fashion-mnist` puts them. Nothing is downloaded unless `download` is set.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from filelock import FileLock
from jaxtyping import UInt8
from torch import Tensor

from raykd.data import Augmentation, Dataset, Split, channel_statistics, cut, idx

NUM_CLASSES = 10
FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
_CACHE = "~/.cache/raykd"
_ROOTS = ("data", _CACHE, "/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, kw_only=True)
class FashionMNIST:
    """Fashion-MNIST as it stands in a recipe.

    Args:
        root: the folder to look in; None looks in the places that the file's docstring names.
        download: get missing files through torchvision, into `root` or else `~/.cache/raykd`.
        validation: images of the 60,000 that are held out of training.
        limit: train on at most this many of the other images, the first in the set's own (mixed) order.
        augmentation: how the training views are made.
        seed: which images are held out, and the views.
    """

    name: ClassVar[str] = "fashion_mnist"
    root: str | None = None
    download: bool = False
    validation: int = 10_000
    limit: int | None = None
    augmentation: Augmentation = Augmentation(padding=2, flip=True)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.validation < 1:
            raise ValueError(f"validation must be at least 1 image, got {self.validation}")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit must be None or at least 1 image, got {self.limit}")

    def load(self) -> Dataset:
        paths = _find(self.root, self.download)
        whole, test = _split(*paths[:2]), _split(*paths[2:])
        train, validation = cut(whole.images, whole.labels, self.validation, self.seed)
        train = Split(train.images[: self.limit], train.labels[: self.limit])
        mean, std = channel_statistics(train.images)
        return Dataset(
            train=train,
            validation=validation,
            test=test,
            num_classes=NUM_CLASSES,
            mean=mean,
            std=std,
            augmentation=self.augmentation,
            seed=self.seed,
        )


def _find(root: str | None, download: bool) -> list[Path]:
    """The paths of `FILES`, downloaded first where that is asked for and they are nowhere."""
    folders = [
        folder
        for place in ((root,) if root else _ROOTS)
        for folder in (Path(place).expanduser() / "FashionMNIST" / "raw", Path(place).expanduser())
    ]
    if download and not _complete(folders):
        _download(Path(root or _CACHE).expanduser(), folders)
    if paths := _complete(folders):
        return paths
    fullest = max(folders, key=lambda folder: len(_present(folder)))
    missing = [name for name in FILES if name not in _present(fullest)]
    raise FileNotFoundError(
        f"Fashion-MNIST: no {', '.join(missing)} (or .gz) in any of {', '.join(map(str, folders))}; "
        f"set root to the folder that has them, or download=True"
    )


def _complete(folders: list[Path]) -> list[Path]:
    """The paths of `FILES` in the first folder that has them all, or nothing."""
    for folder in folders:
        present = _present(folder)
        if len(present) == len(FILES):
            return [present[name] for name in FILES]
    return []


def _present(folder: Path) -> dict[str, Path]:
    """Which of `FILES` a folder has, the unpacked before the packed."""
    pairs = ((name, folder / f"{name}{ending}") for ending in (".gz", "") for name in FILES)
    return {name: path for name, path in pairs if path.is_file()}


def _download(root: Path, folders: list[Path]) -> None:
    from torchvision.datasets import FashionMNIST as Source  # takes a second to import, and is seldom needed

    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".fashion-mnist.lock"):  # several workers of one machine may come here at once
        if not _complete(folders):
            Source(str(root), download=True)


def _split(images_path: Path, labels_path: Path) -> Split:
    images: UInt8[Tensor, "n height width"] = idx.read(images_path, 3)
    labels: UInt8[Tensor, "m"] = idx.read(labels_path, 1)
    if len(images) != len(labels):
        raise ValueError(f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path}")
    if len(labels) and int(labels.max()) >= NUM_CLASSES:
        raise ValueError(f"{labels_path}: labels must be 0 to {NUM_CLASSES - 1}, found {int(labels.max())}")
    return Split(images[:, None], labels.to(torch.int64))
