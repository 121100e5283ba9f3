"""SVHN (Netzer et al., 2011): 73,257 + 26,032 cropped house numbers, 32x32 coloured pixels, 10 digits.

The MATLAB files are looked for in the root, as torchvision lays them out; where roots lie is told in
`raykd.data.standard`. Left out: the 531,131 easier images of the `extra` split.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from raykd.data import Augmentation, Split
from raykd.data.dataset import Dataset, SeededSplit
from raykd.data.standard import TEN_DIGITS, Published, assemble, check
from raykd.errors import InvalidError
from raykd.space.fields import place

NUM_CLASSES = len(TEN_DIGITS)


@dataclass(frozen=True, kw_only=True)
class SVHN(SeededSplit):
    """SVHN as it stands in a recipe.

    Args:
        root: the folder to look in; None looks in the places that `raykd.data.standard` names.
        download: get missing files from the set's home, into `root` or else `~/.cache/raykd`.
        validation: images of the 73,257 that are held out of training.
        limit: train on at most this many of the other images, the first in the set's own order.
        mean, std: to normalise by, on the scale 0 to 1; None for those of the training pixels.
        augmentation: how the training views are made; digits are never mirrored by default.
        seed: which images are held out, and the views.
    """

    name: ClassVar[str] = "svhn"
    root: str | None = place(None)
    download: bool = place(False)
    validation: int = 7_000
    limit: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    augmentation: Augmentation = Augmentation(padding=4)
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, channels=3)
        object.__setattr__(self, "root", _SET.pinned(self.root))

    def at_home(self) -> "SVHN":
        return replace(self, download=_SET.downloads_at_home(self.root, self.download))

    def load(self) -> Dataset:
        whole, test = map(_split, _SET.find(self.root, self.download))
        return assemble(self, whole, test, TEN_DIGITS)


def _split(path: Path) -> Split:
    from scipy.io import loadmat  # seldom needed

    try:
        content = loadmat(path, variable_names=("X", "y"))
        images, labels = content["X"], content["y"].reshape(-1)
    except PermissionError:
        raise
    except Exception as error:  # a torn file ends in almost any of them
        raise InvalidError(
            f"{path}: not a whole MATLAB file with X and y in it ({error}); remove it and get it again"
        ) from None
    if images.dtype != np.uint8 or images.shape != (32, 32, 3, len(labels)):
        raise InvalidError(f"{path}: X is {images.dtype} of shape {images.shape} for {len(labels)} labels")
    if not ((labels >= 1) & (labels <= NUM_CLASSES)).all():
        raise InvalidError(f"{path}: labels must be 1 to {NUM_CLASSES}, found {labels.min()} to {labels.max()}")
    digits = labels.astype(np.int64) % NUM_CLASSES  # the file calls the digit 0 ten
    return Split(torch.from_numpy(np.ascontiguousarray(images.transpose(3, 2, 0, 1))), torch.from_numpy(digits))


def _fetch(root: Path) -> None:
    from torchvision import datasets
    from torchvision.datasets.utils import download_url

    for part in ("train", "test"):
        url, name, md5 = datasets.SVHN.split_list[part]
        download_url(url, str(root), name, md5)


_SET = Published(title="SVHN", below=".", files=("train_32x32.mat", "test_32x32.mat"), fetch=_fetch)
