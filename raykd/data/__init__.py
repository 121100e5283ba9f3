"""Data sets: three disjoint splits on the device, and views of them that every trial shares.

A source is a frozen dataclass in a file of its own, whose `load()` gives a `Dataset`: the whole set as bytes,
cut into train, validation (taken from the training images by a fixed seed; what a search sees) and test (read
once, for the final report). Augmentation runs on the device, batch by batch. The view of image i in epoch e
is a function of (data seed, e, i) alone: the same in every trial, on every rank, in every order.
"""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F

from raykd.keys import generator, integers
from raykd.methods import Batch
from raykd.staged import Shape

PADDINGS = {"zeros": "constant", "reflect": "reflect"}


@dataclass(frozen=True)
class Split:
    """Images as bytes, and labels counted from 0."""

    images: UInt8[Tensor, "n channels height width"]
    labels: Int64[Tensor, "n"]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Int64[Tensor, "m"]) -> "Split":
        return Split(self.images[indices], self.labels[indices])

    def to(self, device: torch.device) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random crops of the padded image, and horizontal flips.

    Args:
        padding: pixels added on each side before a crop of the image's own size; 0 for no crop.
        mode: what is padded with, `zeros` (black, as pixels are padded before they are normalised) or `reflect`.
        flip: whether half of the views are mirrored left to right.
    """

    padding: int = 0
    mode: str = "zeros"
    flip: bool = False

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise ValueError(f"padding must be at least 0 pixels, got {self.padding}")
        if self.mode not in PADDINGS:
            raise ValueError(f"unknown padding mode {self.mode!r}; choices: {', '.join(PADDINGS)}")

    def view(
        self,
        images: Float[Tensor, "b channels height width"],
        indices: Int64[Tensor, "b"],
        epoch: int,
        seed: int,
    ) -> Float[Tensor, "b channels height width"]:
        """The views of images in an epoch; the same image, epoch and seed always give the same view."""
        if self.padding:
            images = self._crop(images, indices, epoch, seed)
        if self.flip:
            mirrored = integers(indices, 2, "flip", seed, epoch).bool()
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        return images

    def _crop(self, images: Tensor, indices: Tensor, epoch: int, seed: int) -> Tensor:
        height, width = images.shape[-2:]
        padded = F.pad(images, [self.padding] * 4, mode=PADDINGS[self.mode])
        places = 2 * self.padding + 1
        top = integers(indices, places, "crop top", seed, epoch)
        left = integers(indices, places, "crop left", seed, epoch)
        rows = top[:, None] + torch.arange(height, device=images.device)
        columns = left[:, None] + torch.arange(width, device=images.device)
        batch = torch.arange(len(images), device=images.device)
        cropped = padded[batch[:, None, None], :, rows[:, :, None], columns[:, None, :]]
        return cropped.permute(0, 3, 1, 2)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A whole data set on one device.

    Args:
        train, validation, test: disjoint splits.
        num_classes: labels run from 0 to this, exclusive.
        mean, std: of the training pixels on the scale 0 to 1, one number for each channel.
        augmentation: how the training views are made.
        seed: what the views depend on, beside epoch and index.
        digest: SHA-256 of the training images and labels, in hexadecimal.
    """

    train: Split
    validation: Split
    test: Split
    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augmentation: Augmentation
    seed: int = 0
    digest: str = ""

    @property
    def image_shape(self) -> Shape:
        """Channels, height, width."""
        return tuple(self.train.images.shape[1:])

    @property
    def device(self) -> torch.device:
        return self.train.labels.device

    def to(self, device: torch.device) -> "Dataset":
        splits = {name: getattr(self, name).to(device) for name in ("train", "validation", "test")}
        return replace(self, **splits)

    def normalise(self, images: UInt8[Tensor, "b c h w"] | Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Images on the scale 0 to 255, brought to mean 0 and standard deviation 1 over the training pixels."""
        mean = torch.tensor(self.mean, device=images.device)[:, None, None]
        std = torch.tensor(self.std, device=images.device)[:, None, None]
        return (images.float() / 255.0 - mean) / std

    def batches(self, epoch: int, seed: int, batch_size: int, rank: int = 0, size: int = 1) -> Iterator[Batch]:
        """An epoch of the training split in random order, a rank's share of each batch; the last short one is dropped.

        Args:
            seed: what the order depends on, beside the epoch; the views depend on the data set's own seed.
            batch_size: over all ranks together; must be a multiple of `size`.
        """
        order = torch.randperm(len(self.train), generator=generator("order", seed, epoch)).to(self.device)
        for start in range(0, len(order) - batch_size + 1, batch_size):
            indices = order[start + rank : start + batch_size : size]
            views = self.augmentation.view(self.train.images[indices].float(), indices, epoch, self.seed)
            yield Batch(self.normalise(views), self.train.labels[indices], indices)

    def plain(self, split: Split, batch_size: int = 512, rank: int = 0, size: int = 1) -> Iterator[Batch]:
        """A split in order and without augmentation, a rank's share of each batch; of the last one it may be empty."""
        for start in range(0, len(split), batch_size):
            indices = torch.arange(start, min(start + batch_size, len(split)), device=self.device)[rank::size]
            yield Batch(self.normalise(split.images[indices]), split.labels[indices], indices)


@runtime_checkable
class DataSpec(Protocol):
    """A data set as it stands in a recipe."""

    name: ClassVar[str]

    def load(self) -> Dataset:
        """The data set on the CPU.

        Raises:
            FileNotFoundError: files are missing; one line that names them and says where they are looked for.
        """
        ...


@functools.lru_cache(maxsize=4)
def load(spec: DataSpec, device: torch.device) -> Dataset:
    """A data set on a device, with its digest; kept in this process, so that the next trial starts at once."""
    dataset = spec.load()
    digest = hashlib.sha256()
    for tensor in (dataset.train.images, dataset.train.labels):
        digest.update(tensor.contiguous().numpy())  # pyright: ignore[reportArgumentType]
    return replace(dataset, digest=digest.hexdigest()).to(device)


def cut(images: Tensor, labels: Tensor, held_out: int, seed: int) -> tuple[Split, Split]:
    """A split of all but `held_out` images and a split of `held_out`, chosen by a seed; both keep the set's order.

    Raises:
        ValueError: nothing would be left on one side.
    """
    if not 0 < held_out < len(labels):
        raise ValueError(f"can hold out 1 to {len(labels) - 1} of {len(labels)} images, got {held_out}")
    order = torch.randperm(len(labels), generator=generator("split", seed))
    whole = Split(images, labels)
    return whole.take(order[held_out:].sort().values), whole.take(order[:held_out].sort().values)


def channel_statistics(images: UInt8[Tensor, "n c h w"]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel on the scale 0 to 1."""
    totals = images.double().mean(dim=(0, 2, 3)), images.double().std(dim=(0, 2, 3))
    mean, std = ((value / 255.0).tolist() for value in totals)
    return tuple(mean), tuple(std)
