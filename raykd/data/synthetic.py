"""A set that can be learnt and needs no files: each class is a pattern, each image its class's pattern under noise.

For smoke tests: any study runs on it when its own data is not at hand. It says nothing of how good a method is.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from raykd.data import Augmentation, Split, channel_statistics
from raykd.data.dataset import Dataset
from raykd.errors import InvalidError
from raykd.ops.rng import generator

_PATCHES = 4  # a pattern has so many patches each way, so that it survives a crop of some pixels
_GREY, _CONTRAST = 127.5, 64.0  # of pixels from 0 to 255


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """A synthetic set as it stands in a recipe.

    Args:
        num_classes: each has equally many images, up to one, in every split.
        image_shape: channels, height, width.
        num_images: in the training split.
        held_out: images in the validation split, and in the test split.
        noise: standard deviation of a pixel's noise, in units of the patterns' own.
        augmentation: how the training views are made.
        seed: of patterns, noise and views.
    """

    name: ClassVar[str] = "synthetic"
    num_classes: int = 10
    image_shape: tuple[int, ...] = (3, 32, 32)
    num_images: int = 1000
    held_out: int = 200
    noise: float = 1.0
    augmentation: Augmentation = Augmentation()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_classes < 2:
            raise InvalidError(f"num_classes must be at least 2, got {self.num_classes}")
        if len(self.image_shape) != 3 or min(self.image_shape) < 1:
            raise InvalidError(f"image_shape must be channels, height and width, got {self.image_shape}")
        for name in ("num_images", "held_out"):
            if getattr(self, name) < self.num_classes:
                raise InvalidError(
                    f"{name} must be at least one image for each of {self.num_classes} classes, "
                    f"got {getattr(self, name)}"
                )
        if not self.noise >= 0:
            raise InvalidError(f"noise must be at least 0, got {self.noise}")

    def load(self) -> Dataset:
        train = self._split("train", self.num_images)
        mean, std = channel_statistics(train.images)
        return Dataset(
            train=train,
            validation=self._split("validation", self.held_out),
            test=self._split("test", self.held_out),
            num_classes=self.num_classes,
            mean=mean,
            std=std,
            augmentation=self.augmentation,
            seed=self.seed,
        )

    def _split(self, part: str, size: int) -> Split:
        channels, *shape = self.image_shape
        small = (self.num_classes, channels, *(min(side, _PATCHES) for side in shape))
        patches = torch.randn(small, generator=generator("synthetic patterns", self.seed))
        patterns = F.interpolate(patches, size=shape, mode="nearest")
        stream = generator("synthetic", part, self.seed)
        labels = torch.arange(size)[torch.randperm(size, generator=stream)] % self.num_classes
        values = patterns[labels] + self.noise * torch.randn((size, *self.image_shape), generator=stream)
        return Split((_GREY + _CONTRAST * values).clamp(0, 255).round().to(torch.uint8), labels)
