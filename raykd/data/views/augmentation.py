"""Views of training images: random crops, resized crops and mirror images, batch by batch, on the images' device.

The view of image i in epoch e is a function of (data seed, e, i) alone: neither the batch that it stands in, nor the
rank, nor the order matters.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from raykd.data.views.resized_crop import ResizedCrop, crop_and_resize
from raykd.errors import InvalidError
from raykd.ops.rng import integers
from raykd.space.fields import later

PADDINGS = {"zeros": "constant", "reflect": "reflect"}


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random resized crops, random crops of the padded image, and horizontal flips, in this order.

    Args:
        padding: pixels added on each side before a crop of the image's own size; 0 for no crop.
        mode: what is padded with, `zeros` (black, as pixels are padded before they are normalised) or `reflect`.
        flip: whether half of the views are mirrored left to right.
        resized: a random part of the image, brought to the size of a whole one; None for the whole image.
        views: the view of epoch e is that of epoch e modulo this number; None for a new draw in every epoch. What the
            teacher says about resized crops, of which no two are alike, can then be kept for all epochs.
    """

    padding: int = 0
    mode: str = "zeros"
    flip: bool = False
    resized: ResizedCrop | None = None
    views: int | None = later(None)

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise InvalidError(f"padding must be at least 0 pixels, got {self.padding}")
        if self.mode not in PADDINGS:
            raise InvalidError(f"unknown padding mode {self.mode!r}; choices: {', '.join(PADDINGS)}")
        if self.views is not None and self.views < 1:
            raise InvalidError(f"views must be None or at least 1, got {self.views}")

    def recycled(self, epoch: int) -> int:
        """The epoch whose draws are an epoch's."""
        return epoch if self.views is None else epoch % self.views

    def num_views(self, epochs: int) -> int:
        """How many views of an image so many epochs may show, at most."""
        if self.resized is not None:
            return epochs if self.views is None else self.views
        return (2 * self.padding + 1) ** 2 * (2 if self.flip else 1)

    def numbers(self, indices: Int64[Tensor, "b"], epoch: int, seed: int) -> Int64[Tensor, "b"]:
        """Which of its views each image shows in an epoch, counted from 0.

        Of a crop with flips the same number is the same view for every seed; of resized crops for one seed alone.
        """
        epoch = self.recycled(epoch)
        if self.resized is not None:
            return torch.full_like(indices, epoch)
        numbers = torch.zeros_like(indices)
        if self.padding:
            top, left = self._corner(indices, epoch, seed)
            numbers = top * (2 * self.padding + 1) + left
        return 2 * numbers + self._mirrored(indices, epoch, seed) if self.flip else numbers

    def view(
        self,
        images: Float[Tensor, "b channels height width"],
        indices: Int64[Tensor, "b"],
        epoch: int,
        seed: int,
    ) -> Float[Tensor, "b channels height width"]:
        """The views of images in an epoch, contiguous; the same image, epoch and seed always give the same view."""
        epoch = self.recycled(epoch)
        if self.resized:
            height, width = images.shape[-2:]
            boxes = self.resized.boxes(
                self.resized.draws(indices, epoch, seed),
                torch.full_like(indices, height),
                torch.full_like(indices, width),
            )
            images = crop_and_resize(images, boxes, (height, width))
        if self.padding:
            images = self._crop(images, indices, epoch, seed)
        if self.flip:
            mirrored = self._mirrored(indices, epoch, seed).bool()
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        return images.contiguous()

    def _crop(self, images: Tensor, indices: Tensor, epoch: int, seed: int) -> Tensor:
        height, width = images.shape[-2:]
        padded = F.pad(images, [self.padding] * 4, mode=PADDINGS[self.mode])
        top, left = self._corner(indices, epoch, seed)
        rows = top[:, None] + torch.arange(height, device=images.device)
        columns = left[:, None] + torch.arange(width, device=images.device)
        pixels = (rows[:, :, None] * padded.shape[3] + columns[:, None, :]).flatten(1)
        # Contiguous, like the images; an index over rows and columns gives channels last, and takes four times as long.
        return padded.flatten(2).gather(2, pixels[:, None].expand(-1, images.shape[1], -1)).view_as(images)

    def _corner(self, indices: Tensor, epoch: int, seed: int) -> tuple[Tensor, Tensor]:
        """Where in the padded image a crop begins: its row and its column, from 0 to twice the padding."""
        places = 2 * self.padding + 1
        return integers(indices, places, "crop top", seed, epoch), integers(indices, places, "crop left", seed, epoch)

    def _mirrored(self, indices: Tensor, epoch: int, seed: int) -> Tensor:
        """1 where the view is mirrored, 0 where it is not."""
        return integers(indices, 2, "flip", seed, epoch)
