"""A split: images, held in memory as bytes or left in their files, and a label for each."""

import hashlib
import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from raykd.data.views.augmentation import Augmentation, Draws
from raykd.data.views.decoding import Files
from raykd.errors import InvalidError
from raykd.ops.rng import generator

_PLAIN = Augmentation()

if TYPE_CHECKING:
    Images = Any  # who reads pixels knows that they are in memory
else:
    Images = UInt8[Tensor, "n channels height width"] | Files


@dataclass(frozen=True)
class Split:
    """Images as bytes or in files, and labels counted from 0."""

    images: Images
    labels: Int64[Tensor, "n"]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Int64[Tensor, "m"]) -> "Split":
        return Split(self.images[indices], self.labels[indices])

    def to(self, device: torch.device) -> "Split":
        """The split on a device: its labels, and the images that are in memory; files are decoded by the CPU."""
        return Split(self.images if isinstance(self.images, Files) else self.images.to(device), self.labels.to(device))

    def read(
        self, shares: Iterable[Tensor], augmentation: Augmentation = _PLAIN, epoch: int = 0, seed: int = 0
    ) -> "Generator[tuple[Int64[Tensor, 'b'], Float[Tensor, 'b channels height width']], None, None]":
        """For each share of indices the images' views, 0 to 255, on the labels' device; without augmentation plain.

        Args:
            shares: indices on `images.device`.
        """
        if isinstance(self.images, Files):
            device, epoch = self.labels.device, augmentation.recycled(epoch)
            rest = replace(augmentation, resized=None)  # which part is cut out is decided before files are resized
            draws = self._draws(rest, epoch, seed)
            for indices, images in self.images.read(shares, augmentation.resized, epoch, seed, device.type == "cuda"):
                there = indices.to(device, non_blocking=True)
                yield there, rest.drawn(images.to(device, non_blocking=True).float(), draws.of(there))
        else:
            draws = self._draws(augmentation, epoch, seed)
            for indices in shares:
                yield indices, augmentation.drawn(self.images[indices].float(), draws.of(indices))

    def _draws(self, augmentation: Augmentation, epoch: int, seed: int) -> Draws:
        height, width = self.images.shape[2:]
        return augmentation.draws(torch.arange(len(self), device=self.labels.device), (height, width), epoch, seed)

    def digest(self) -> str:
        """SHA-256 of images and labels, in hexadecimal; of files see `Files.summary`."""
        digest = hashlib.sha256()
        images = self.images.summary() if isinstance(self.images, Files) else _bytes(self.images)
        digest.update(images)
        digest.update(_bytes(self.labels))
        return digest.hexdigest()


def cut(images: Images, labels: Tensor, held_out: int, seed: int) -> tuple[Split, Split]:
    """A split of all but `held_out` images and a split of `held_out`, chosen by a seed; both keep the set's order.

    Raises:
        ValueError: nothing would be left on one side.
    """
    if not 0 < held_out < len(labels):
        raise InvalidError(f"can hold out 1 to {len(labels) - 1} of {len(labels)} images, got {held_out}")
    order = torch.randperm(len(labels), generator=generator("split", seed))
    whole = Split(images, labels)
    return whole.take(order[held_out:].sort().values), whole.take(order[:held_out].sort().values)


def channel_statistics(images: UInt8[Tensor, "n c h w"]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel on the scale 0 to 1, the latter with n - 1.

    Of whole numbers, each rounded once in the end: a sum of floats depends on how many threads share it, and so would
    the keys of all artefacts that are made of the images (digits' deviation differed in its 12th digit).
    """
    found = (_moments(torch.bincount(channel.flatten(), minlength=256)) for channel in images.unbind(1))
    mean, std = zip(*found, strict=True)
    return mean, std


def _moments(counts: Int64[Tensor, "256"]) -> tuple[float, float]:
    """Mean and standard deviation, on the scale 0 to 1, of pixels of which there are so many of each value."""
    held = counts.tolist()
    number, total = sum(held), sum(count * value for value, count in enumerate(held))
    squares = sum(count * value**2 for value, count in enumerate(held))
    variance = (number * squares - total**2) / (number * (number - 1))
    return total / number / 255.0, math.sqrt(variance) / 255.0


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.contiguous().numpy().data
