"""The eyes of a network that somebody trained: how its images were normalised, how large they were.

Put in front of a teacher, they turn the view that its student sees into an image as the teacher knows them. So both see
the same crop, flip and colours; what differs is the scale of its numbers, and of its places where `size` says so. A
teacher is not shown the centre crop that its maker's evaluation takes, since the view is a crop already.
"""

import functools
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Shape

BICUBIC, BILINEAR = "bicubic", "bilinear"
INTERPOLATIONS = (BICUBIC, BILINEAR)


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """How a network's images were made; what is None is as the data set has it.

    Args:
        mean, std: that pixels were normalised by, on the scale 0 to 1, a number for each channel. Grey views are seen
            as pictures of three channels by a network that has them.
        size: height and width, to which a view of another size is brought, each side by itself.
        interpolation: how: `bicubic`, as most of timm's networks, or `bilinear`; with antialiasing, as Pillow does it.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    size: tuple[int, int] | None = None
    interpolation: str = BICUBIC

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.std is None) or len(self.mean or ()) != len(self.std or ()):
            raise InvalidError(f"mean and std need equally many channels, got mean={self.mean} and std={self.std}")
        if self.mean is not None and not (self.mean and all(map(math.isfinite, self.mean)) and min(self.std or ()) > 0):
            raise InvalidError(f"mean must be finite and std above 0, got mean={self.mean} and std={self.std}")
        if self.size is not None and min(self.size) < 1:
            raise InvalidError(f"size must be at least 1 pixel a side, got {self.size}")
        if self.interpolation not in INTERPOLATIONS:
            raise InvalidError(f"unknown interpolation {self.interpolation!r}; choices: {', '.join(INTERPOLATIONS)}")

    def image(self, view: Shape) -> Shape:
        """The shape (channels, height, width) of what the network is shown of a view.

        Raises:
            ValueError: a view of colours for a network that knows grey alone, or the like.
        """
        channels = view[0] if self.mean is None else len(self.mean)
        if channels != view[0] and view[0] != 1:
            raise InvalidError(f"eyes of {channels} channels see no views of {view[0]}")
        return channels, *(view[1:] if self.size is None else self.size)

    def of(self, view: Shape, mean: tuple[float, ...], std: tuple[float, ...]) -> "Sight | None":
        """What turns views of a data set's normalisation into the network's images; None where nothing differs."""
        seen = Sight(
            seen=(mean, std),
            shown=(mean, std) if self.mean is None or self.std is None else (self.mean, self.std),
            size=None if self.size in (None, view[1:]) else self.size,
            interpolation=self.interpolation,
        )
        return None if seen.seen == seen.shown and seen.size is None else seen


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A view in the network's own numbers and size.

    Args:
        seen, shown: mean and deviation of the view's normalisation, and of the network's.
        size: height and width; None for the view's.
        interpolation: as of `Eyes`.
    """

    seen: tuple[tuple[float, ...], tuple[float, ...]]
    shown: tuple[tuple[float, ...], tuple[float, ...]]
    size: tuple[int, int] | None
    interpolation: str

    def __call__(self, views: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        mean, std = (_on(views.device, numbers) for numbers in self.seen)
        pictures = views * std + mean
        if self.size is not None:
            pictures = F.interpolate(pictures, self.size, mode=self.interpolation, antialias=True)
            pictures = pictures.clamp(0.0, 1.0)  # bicubic overshoots at edges, which a picture's bytes cannot hold
        mean, std = (_on(views.device, numbers) for numbers in self.shown)
        return (pictures - mean) / std


@functools.cache  # a copy to a GPU would wait for all that the GPU has to do, once a batch
def _on(device: torch.device, numbers: tuple[float, ...]) -> Float[Tensor, "channels 1 1"]:
    with torch.inference_mode(False):
        return torch.tensor(numbers, device=device)[:, None, None]
