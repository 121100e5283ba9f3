"""Random resized crops, the augmentation of ImageNet (Szegedy et al., arXiv 1409.4842), for batches and for files.

A part of random area and shape is cut out of the image and resized, bilinearly and with antialiasing. The draws are
torchvision's: ten tries at a part that fits the image, and after them the largest part in its middle whose shape is
allowed. They are made of (data seed, epoch, index) instead of a global generator.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from raykd.errors import InvalidError
from raykd.ops.rng import uniforms

_TRIES = 10
_DRAWS = 2 * _TRIES + 2  # an area and a shape for each try, and a place


@dataclass(frozen=True, kw_only=True)
class ResizedCrop:
    """Which part of an image is cut out.

    Args:
        scale: the least and the greatest area, as a share of the image's.
        ratio: the least and the greatest width, divided by the height; drawn evenly by its logarithm.
    """

    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise InvalidError(f"scale must be two shares in (0, 1], the smaller first, got {self.scale}")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise InvalidError(f"ratio must be two numbers above 0, the smaller first, got {self.ratio}")

    def draws(self, indices: Int64[Tensor, "b"], epoch: int, seed: int) -> Float64[Tensor, "b draws"]:
        """The random numbers in [0, 1) from which `boxes` makes the parts of some images in an epoch."""
        counters = indices[:, None] * _DRAWS + torch.arange(_DRAWS, device=indices.device)
        return uniforms(counters.flatten(), "resized crop", seed, epoch).reshape(-1, _DRAWS)

    def boxes(
        self, draws: Float64[Tensor, "b draws"], heights: Int64[Tensor, "b"], widths: Int64[Tensor, "b"]
    ) -> Int64[Tensor, "b 4"]:
        """Top, left, height and width of each image's part, in pixels, for images of these sizes."""
        areas = (heights * widths)[:, None] * _between(draws[:, :_TRIES], *self.scale)
        low, high = (math.log(value) for value in self.ratio)
        shapes = _between(draws[:, _TRIES:-2], low, high).exp()
        tried_heights = (areas / shapes).sqrt().round().long()
        tried_widths = (areas * shapes).sqrt().round().long()
        fits = (tried_heights > 0) & (tried_heights <= heights[:, None])
        fits &= (tried_widths > 0) & (tried_widths <= widths[:, None])
        first = fits.long().argmax(dim=1, keepdim=True)
        height, width = tried_heights.gather(1, first)[:, 0], tried_widths.gather(1, first)[:, 0]
        top = (draws[:, -2] * (heights - height + 1)).long()
        left = (draws[:, -1] * (widths - width + 1)).long()
        drawn = torch.stack([top, left, height, width], dim=1)
        return torch.where(fits.any(dim=1, keepdim=True), drawn, self._middle(heights, widths))

    def _middle(self, heights: Tensor, widths: Tensor) -> Int64[Tensor, "b 4"]:
        """The whole image, or where it is too narrow or too wide the largest part in its middle that is not."""
        height = torch.minimum(heights, (widths / self.ratio[0]).round().long())
        width = torch.minimum(widths, (heights * self.ratio[1]).round().long())
        return torch.stack([(heights - height) // 2, (widths - width) // 2, height, width], dim=1)


def crop_and_resize(
    images: Float[Tensor, "b channels height width"], boxes: Int64[Tensor, "b 4"], size: tuple[int, int]
) -> Float[Tensor, "b channels new_height new_width"]:
    """The part of each image in its box, resized to one (height, width), bilinearly and with antialiasing.

    Two products with a matrix of weights for each image, so that parts of different sizes make one batch.
    """
    top, left, height, width = boxes.unbind(dim=1)
    rows = _weights(top, height, images.shape[2], size[0]).to(images.dtype)
    columns = _weights(left, width, images.shape[3], size[1]).to(images.dtype)
    return rows[:, None] @ images @ columns[:, None].transpose(2, 3)


def _weights(begin: Tensor, length: Tensor, old: int, new: int) -> Float[Tensor, "b new old"]:
    """How much of each old pixel is in each new one: a triangle around its middle, within [begin, begin + length)."""
    step = length.double() / new
    middles = begin[:, None] + (torch.arange(new, device=begin.device) + 0.5) * step[:, None]
    pixels = torch.arange(old, device=begin.device)
    reach = step.clamp(min=1.0)[:, None, None]
    weights = (1 - (pixels + 0.5 - middles[:, :, None]).abs() / reach).clamp(min=0.0)
    weights = weights * ((pixels >= begin[:, None]) & (pixels < (begin + length)[:, None]))[:, None]
    return weights / weights.sum(dim=2, keepdim=True)


def _between(draws: Tensor, low: float, high: float) -> Tensor:
    return low + draws * (high - low)
