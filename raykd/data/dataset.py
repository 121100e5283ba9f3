"""A data set: three disjoint splits on one device, and the batches that training and evaluation read of them."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from raykd.data.views.augmentation import Augmentation
from raykd.data.views.decoding import Frame
from raykd.data.views.pixels import Pixels
from raykd.data.views.splits import Split
from raykd.errors import InvalidError
from raykd.models.staged import Shape
from raykd.ops.rng import generator


class Batch(NamedTuple):
    """One step's images, augmented and normalised, their labels, and their places in the training split."""

    images: Float[Tensor, "batch channels height width"]
    targets: Int64[Tensor, "batch"]
    indices: Int64[Tensor, "batch"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A whole data set, whose batches come on one device.

    Args:
        train, validation, test: disjoint splits.
        num_classes: labels run from 0 to this, exclusive.
        mean, std: that pixels are normalised by, on the scale 0 to 1, one number for each channel: of the training
            pixels, or those that the source states.
        augmentation: how the training views are made.
        seed: what the views depend on, beside epoch and index.
        digest: SHA-256 of the training images (of files: see `Files.summary`) and labels, in hexadecimal.
        classes: their names, by label; empty where they are not known.
        frame, pixels: how pictures became these images; no frame where they come as they are.
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
    classes: tuple[str, ...] = ()
    frame: Frame | None = None
    pixels: Pixels = Pixels()

    def __post_init__(self) -> None:
        if self.classes and len(self.classes) != self.num_classes:
            raise InvalidError(f"classes must be a name for each of {self.num_classes}, got {len(self.classes)} names")

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
        """Images on the scale 0 to 255, with `mean` brought to 0 and `std` to 1."""
        return normalised(images, self.mean, self.std)

    def batches(self, epoch: int, seed: int, batch_size: int, rank: int = 0, size: int = 1) -> Iterator[Batch]:
        """An epoch of the training split in random order, a rank's share of each batch; the last short one is dropped.

        Args:
            seed: what the order depends on, beside the epoch; the views depend on the data set's own seed.
            batch_size: over all ranks together; must be a multiple of `size`.
        """
        order = self._order(epoch, seed)
        if self.train.images.device.type == "cuda":  # from pinned memory, so that nobody waits for the copy
            order = order.pin_memory().to(self.train.images.device, non_blocking=True)
        shares = _shares(order, batch_size, rank, size)
        for indices, views in self.train.read(shares, self.augmentation, epoch, self.seed):
            yield Batch(self.normalise(views), self.train.labels[indices], indices)

    def shares(
        self, epoch: int, seed: int, batch_size: int, rank: int = 0, size: int = 1
    ) -> list[Int64[Tensor, "share"]]:
        """The images of each batch of an epoch, a rank's share of them; arguments as of `batches`. On the CPU."""
        return _shares(self._order(epoch, seed), batch_size, rank, size)

    def _order(self, epoch: int, seed: int) -> Int64[Tensor, "n"]:
        return torch.randperm(len(self.train), generator=generator("order", seed, epoch))

    def plain(self, split: Split, batch_size: int = 512, rank: int = 0, size: int = 1) -> Iterator[Batch]:
        """A split in order and without augmentation, a rank's share of each batch; of the last one it may be empty."""
        order = torch.arange(len(split), device=split.images.device)
        shares = (order[start : start + batch_size][rank::size] for start in range(0, len(split), batch_size))
        for indices, images in split.read(shares):
            yield Batch(self.normalise(images), split.labels[indices], indices)


def normalised(
    images: UInt8[Tensor, "b c h w"] | Float[Tensor, "b c h w"], mean: tuple[float, ...], std: tuple[float, ...]
) -> Float[Tensor, "b c h w"]:
    """Images on the scale 0 to 255, with `mean` brought to 0 and `std` to 1, which count on the scale 0 to 1."""
    return (images.float() / 255.0 - _on(images.device, mean)) / _on(images.device, std)


@functools.cache  # a copy to a GPU would wait for all that the GPU has to do, twice a batch
def _on(device: torch.device, numbers: tuple[float, ...]) -> Float[Tensor, "channels 1 1"]:
    with torch.inference_mode(False):  # the first one to ask may be in it, and training could not use what it makes
        return torch.tensor(numbers, device=device)[:, None, None]


def _shares(order: Int64[Tensor, "n"], batch_size: int, rank: int, size: int) -> list[Int64[Tensor, "share"]]:
    starts = range(0, len(order) - batch_size + 1, batch_size)
    return [order[start + rank : start + batch_size : size] for start in starts]


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


@runtime_checkable
class Resplit(Protocol):
    """A data set as it stands in a recipe, whose validation split can be drawn anew; the test split stays."""

    def resplit(self, seed: int) -> DataSpec:
        """The set with other images held out, and other views; itself where its validation split is given."""
        ...


@runtime_checkable
class HadOtherContents(Protocol):
    """A data set as it stands in a recipe, of whose files fingerprints once followed more than they do now."""

    def former_contents(self) -> Mapping[str, Any]:
        """What its `contents` were, so that what was made then is found."""
        ...


@runtime_checkable
class LeavesOut(Protocol):
    """A data set as it stands in a recipe, that may go on without some of its pictures."""

    def skipped(self) -> Mapping[str, str]:
        """Why pictures are left out, by their paths."""
        ...


class SeededSplit:
    """Of a frozen dataclass whose `seed` says which of the images that are not tested on are held out."""

    def resplit(self, seed: int) -> "DataSpec":
        """The set with other images held out, and other views."""
        spec: Any = self
        return replace(spec, seed=seed)


@functools.lru_cache(maxsize=4)
def load(spec: DataSpec, device: torch.device) -> Dataset:
    """A data set on a device, with its digest; kept in this process, so that the next trial starts at once."""
    if device.type != "cpu":  # what a recipe's check has loaded is not read or listed once more
        return load(spec, torch.device("cpu")).to(device)
    dataset = spec.load()
    return replace(dataset, digest=dataset.train.digest())
