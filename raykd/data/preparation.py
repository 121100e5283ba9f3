"""How a picture of anybody's gets to a network as its validation images did: what a student's file says of it."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from raykd.data.dataset import Dataset, normalised
from raykd.data.views.decoding import Frame
from raykd.data.views.pixels import Pixels
from raykd.errors import InvalidError, MissingError

Picture: TypeAlias = str | os.PathLike[str] | Image.Image
_BILINEAR = Image.Resampling.BILINEAR


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What is done to a picture.

    Args:
        shape: channels (1 for grey, 3 for red, green and blue), height and width that the network takes.
        mean, std: that pixels are normalised by, on the scale 0 to 1, one number for each channel.
        resize: the shorter side, in pixels, before the middle is cut out; None to resize to the whole at once.
        pixels: how what is in a file is read.
    """

    name: ClassVar[str] = "preparation"
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int | None = None
    pixels: Pixels = Pixels()

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or self.shape[0] not in (1, 3) or min(self.shape) < 1:
            raise InvalidError(f"shape must be 1 or 3 channels, a height and a width, got {self.shape}")
        if not len(self.mean) == len(self.std) == self.shape[0]:
            raise InvalidError(f"mean and std need {self.shape[0]} numbers each, got {self.mean} and {self.std}")

    @classmethod
    def of(cls, dataset: Dataset) -> "Preparation":
        """That of a data set's validation images."""
        frame, shape = dataset.frame, dataset.image_shape
        square = shape[1] == shape[2]
        resize = frame.resize if frame is not None else shape[1] if square else None
        return cls(shape=shape, mean=dataset.mean, std=dataset.std, resize=resize, pixels=dataset.pixels)

    def images(self, given: Sequence[Picture] | Tensor) -> UInt8[Tensor, "b channels height width"]:
        """Pictures as the network's bytes.

        Args:
            given: paths or Pillow's pictures, or bytes (B, C, H, W) of any size with 1 or 3 channels.

        Raises:
            FileNotFoundError, ValueError: a file is not there, or is no picture; it is named.
        """
        if isinstance(given, Tensor):
            if given.dtype != torch.uint8 or given.ndim != 4 or given.shape[1] not in (1, 3):
                kind = f"{given.dtype} of shape {tuple(given.shape)}"
                raise InvalidError(f"images must be torch.uint8 of shape (B, C, H, W) with 1 or 3 channels, got {kind}")
            if tuple(given.shape[1:]) == self.shape:
                return given
            return self._stacked(self._bytes(_pillow(image)) for image in given.cpu())
        return self._stacked(self.image(each) for each in given)

    def image(self, given: Picture) -> UInt8[Tensor, "channels height width"]:
        """A picture as the network's bytes; see `images`."""
        if isinstance(given, Image.Image):
            return self._bytes(given)
        try:
            with self.pixels.open(given) as file:
                return self._bytes(self.pixels.rgb(file))
        except FileNotFoundError:
            raise MissingError(f"{os.fspath(given)}: no such file") from None
        except (IsADirectoryError, PermissionError) as error:
            raise InvalidError(f"{os.fspath(given)}: {error.strerror}") from None
        except Exception as error:  # whatever a decoder makes of bytes that are no image
            raise InvalidError(f"{os.fspath(given)} cannot be decoded ({error})") from None

    def normalise(self, images: UInt8[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Bytes as the network takes them."""
        return normalised(images, self.mean, self.std)

    def _bytes(self, picture: Image.Image) -> UInt8[Tensor, "channels height width"]:
        channels, height, width = self.shape
        picture = picture.convert("RGB" if channels == 3 else "L")
        if self.resize is None:
            picture = picture.resize((width, height), _BILINEAR)
        else:
            picture = Frame(resize=self.resize, size=height).whole(picture)
        return torch.from_numpy(np.array(picture)).reshape(height, width, channels).permute(2, 0, 1)

    def _stacked(self, images: Iterable[Tensor]) -> UInt8[Tensor, "b channels height width"]:
        return torch.stack(there) if (there := list(images)) else torch.empty(0, *self.shape, dtype=torch.uint8)


def _pillow(image: UInt8[Tensor, "c h w"]) -> Image.Image:
    pixels = image.permute(1, 2, 0).numpy()
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
