"""Views of training images: random crops, resized crops and mirror images, batch by batch, on the images' device.

What is drawn for all images of an epoch is drawn at once. The view of image i in epoch e is a function of
(data seed, e, i) alone: neither the batch that it stands in, nor the rank, nor the order matters.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from raykd.data.views.resized_crop import ResizedCrop, crop_and_resize
from raykd.errors import InvalidError
from raykd.ops.rng import integers
from raykd.space.fields import later

PADDINGS = {"zeros": "constant", "reflect": "reflect"}


class Draws(NamedTuple):
    """What decides the views of some images, one entry for each.

    Args:
        top, left: the corner of the crop in the padded image.
        mirrored: whether left is right; None where no view is.
        boxes: top, left, height and width of the part that is resized first; None for the whole image.
    """

    top: Int64[Tensor, "n"]
    left: Int64[Tensor, "n"]
    mirrored: Bool[Tensor, "n"] | None = None
    boxes: Int64[Tensor, "n 4"] | None = None

    def of(self, indices: Int64[Tensor, "b"]) -> "Draws":
        """Those of some of the images."""
        mirrored, boxes = (None if values is None else values[indices] for values in (self.mirrored, self.boxes))
        return Draws(self.top[indices], self.left[indices], mirrored, boxes)


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
        if self.resized is not None:
            return torch.full_like(indices, self.recycled(epoch))
        draws = self.draws(indices, (1, 1), epoch, seed)
        corners = draws.top * (2 * self.padding + 1) + draws.left
        return corners if draws.mirrored is None else 2 * corners + draws.mirrored

    def view(
        self,
        images: Float[Tensor, "b channels height width"],
        indices: Int64[Tensor, "b"],
        epoch: int,
        seed: int,
    ) -> Float[Tensor, "b channels height width"]:
        """The views of images in an epoch, contiguous; the same image, epoch and seed always give the same view."""
        height, width = images.shape[2:]
        return self.drawn(images, self.draws(indices, (height, width), epoch, seed))

    def draws(self, indices: Int64[Tensor, "n"], size: tuple[int, int], epoch: int, seed: int) -> Draws:
        """What decides the views of images of a height and a width in an epoch.

        One call for a whole epoch costs little more than one for a batch: it is some 40 operations on small tensors.
        """
        epoch = self.recycled(epoch)
        boxes = mirrored = None
        top = left = torch.zeros_like(indices)
        if self.resized:
            height, width = (torch.full_like(indices, side) for side in size)
            boxes = self.resized.boxes(self.resized.draws(indices, epoch, seed), height, width)
        if self.padding:
            places = 2 * self.padding + 1
            top = integers(indices, places, "crop top", seed, epoch)
            left = integers(indices, places, "crop left", seed, epoch)
        if self.flip:
            mirrored = integers(indices, 2, "flip", seed, epoch).bool()
        return Draws(top, left, mirrored, boxes)

    def drawn(
        self, images: Float[Tensor, "b channels height width"], draws: Draws
    ) -> Float[Tensor, "b channels height width"]:
        """The views of images that are drawn for them, contiguous."""
        height, width = images.shape[2:]
        if draws.boxes is not None:
            images = crop_and_resize(images, draws.boxes, (height, width))
        if not (self.padding or self.flip):
            return images.contiguous()
        padded = F.pad(images, [self.padding] * 4, mode=PADDINGS[self.mode]) if self.padding else images
        rows = draws.top[:, None] + torch.arange(height, device=images.device)
        columns = torch.arange(width, device=images.device)
        if draws.mirrored is not None:
            columns = torch.where(draws.mirrored[:, None], columns.flip(0), columns)
        pixels = (rows * padded.shape[3])[:, :, None] + (draws.left[:, None] + columns)[:, None, :]
        # Contiguous, like the images; an index over rows and columns gives channels last, and takes four times as long.
        return padded.flatten(2).gather(2, pixels.flatten(1)[:, None].expand(-1, images.shape[1], -1)).view_as(images)
