"""Handwritten digits that ship with scikit-learn: 1,797 images of 8x8 pixels, so that a search runs with no download.

The test set of the UCI "Optical Recognition of Handwritten Digits" data. Half of it (897 images) is for training,
a quarter (450) for validation and a quarter (450) for the test; one image is then 0.22 points of accuracy.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from raykd.data import Augmentation, channel_statistics, cut
from raykd.data.dataset import Dataset, SeededSplit
from raykd.data.standard import TEN_DIGITS
from raykd.errors import InvalidError

NUM_IMAGES = 1797
_TEST = 450
_TEST_SEED = 0  # a constant, so that every recipe is tested on the same images
_BYTES_PER_GREY = 15  # pixels come as 0 to 16; 16 * 15 = 240 is the brightest byte


@dataclass(frozen=True, kw_only=True)
class Digits(SeededSplit):
    """scikit-learn's digits as they stand in a recipe.

    Args:
        validation: images of the 1,347 not in the test split that are held out of training.
        augmentation: how the training views are made; digits are never mirrored by default.
        seed: which images are held out, and the views. The test split is the same for every seed.
    """

    name: ClassVar[str] = "digits"
    validation: int = 450
    augmentation: Augmentation = Augmentation(padding=1)
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.validation < NUM_IMAGES - _TEST:
            raise InvalidError(f"validation must be 1 to {NUM_IMAGES - _TEST - 1} images, got {self.validation}")

    def load(self) -> Dataset:
        table = torch.from_numpy(np.loadtxt(_file(), delimiter=",", dtype=np.uint8))
        images, labels = table[:, :-1].reshape(-1, 1, 8, 8) * _BYTES_PER_GREY, table[:, -1].long()
        rest, test = cut(images, labels, _TEST, _TEST_SEED)
        train, validation = cut(rest.images, rest.labels, self.validation, self.seed)
        mean, std = channel_statistics(train.images)
        return Dataset(
            train=train,
            validation=validation,
            test=test,
            num_classes=len(TEN_DIGITS),
            classes=TEN_DIGITS,
            mean=mean,
            std=std,
            augmentation=self.augmentation,
            seed=self.seed,
        )


def _file() -> Path:
    """A line an image: 64 pixels, and the digit.

    The file that scikit-learn's `load_digits` reads. Its import takes 0.6 to 1.2 s, in every process of a search, most
    of it for SciPy's statistics.
    """
    found = importlib.util.find_spec("sklearn")
    assert found is not None and found.submodule_search_locations, "scikit-learn is a dependency of raykd"
    return Path(found.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
