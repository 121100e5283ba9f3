"""How what is in a file of a picture becomes red, green and blue bytes; each kind has one rule, and none is guessed.

- 8 bits, grey, coloured, with a palette, CMYK: as Pillow's `convert("RGB")`; colour profiles are not applied. Of 16
  bits a colour Pillow keeps the upper 8.
- Grey of more than 8 bits: scaled by its depth, the most that fits becoming 255: 65,535 of a 16-bit PNG, the maximum
  that a PGM states, what a TIFF states (of signed integers 2^31 - 1 for 32 bits; what is below 0 is refused). Many
  write 12 bits into 16, which then are dark; `bits` says so.
- Floating point: from `floats[0]`, black, to `floats[1]`, white. A picture that has values outside is refused: by its
  own range each picture would be scaled otherwise, and one that is nearly black made bright.
- What would become one flat grey although its values differ is refused.
- Transparent: laid on `background`. Of several frames the first. Turned as its EXIF orientation says.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from raykd.errors import InvalidError
from raykd.space.fields import place

_Values = Float64[np.ndarray, "height width"]
_Grey = UInt8[np.ndarray, "height width"]
# What Pillow decodes by itself. Of all that it knows it would try others too, such as EPS, which runs Ghostscript.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "DIB", "PPM", "AVIF", "JPEG2000")
_ORIENTATION, _BITS, _COLOURS, _SIGN = 0x0112, 258, 262, 339  # tags of EXIF and TIFF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What is wrong with a picture raykd says itself. Pillow's notices would reach the screen from many threads.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """How pictures become red, green and blue bytes; see the file's docstring.

    Args:
        background: red, green and blue, 0 to 255, of what shows through a transparent picture.
        upright: turn a picture as its EXIF orientation says. Of a TIFF Pillow does so in any case.
        bits: how many bits deep grey of more than 8 bits is, 1 to 32; None for what its file says.
        floats: the values of floating-point pictures that are black and white.
        limit: the most pixels that a picture may have; by default what Pillow allows. It says nothing of the pixels, so
            that no fingerprint reads it.
    """

    name: ClassVar[str] = "pixels"
    background: tuple[int, ...] = (255, 255, 255)
    upright: bool = True
    bits: int | None = None
    floats: tuple[float, ...] = (0.0, 1.0)
    limit: int = place(178_956_970)

    def __post_init__(self) -> None:
        if len(self.background) != 3 or not all(0 <= value <= 255 for value in self.background):
            raise InvalidError(f"background must be three numbers from 0 to 255, got {self.background}")
        if self.bits is not None and not 1 <= self.bits <= 32:
            raise InvalidError(f"bits must be None or 1 to 32, got {self.bits}")
        if len(self.floats) != 2 or not -np.inf < self.floats[0] < self.floats[1] < np.inf:
            raise InvalidError(f"floats must be black and a higher white, got {self.floats}")
        if self.limit < 1:
            raise InvalidError(f"limit must be at least 1 pixel, got {self.limit}")

    def open(self, path: str | os.PathLike[str] | BytesIO) -> ImageFile:
        """A picture whose pixels are not read yet; to be closed.

        Raises:
            OSError, ValueError: it cannot be read, or has too many pixels.
        """
        if Image.MAX_IMAGE_PIXELS is not None and self.limit > 2 * Image.MAX_IMAGE_PIXELS:
            Image.MAX_IMAGE_PIXELS = self.limit  # Pillow has one limit for all, and refuses twice as many
        try:
            picture = Image.open(path, formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise InvalidError(f"{str(error).split(',')[0]}; pixels/limit changes that") from None
        except UnidentifiedImageError:  # whose words name the file once more
            raise InvalidError("it is no picture of a known kind") from None
        if picture.width * picture.height > self.limit:
            picture.close()
            raise InvalidError(
                f"{picture.width} x {picture.height} pixels are more than the {self.limit} of pixels/limit"
            )
        return picture

    def rgb(self, picture: ImageFile) -> Image.Image:
        """An open picture's bytes.

        Raises:
            Exception: whatever a decoder makes of bytes that are no image; a ValueError where the rules refuse it.
        """
        _refuse_unclear(picture)
        picture.load()
        turn = orientation(picture)
        if is_deep(picture):
            colours = self._scaled(picture)
        elif picture.has_transparency_data:
            colours = self._laid(picture.convert("RGBA"))
        else:
            colours = picture.convert("RGB")
        return colours.transpose(_TURNS[turn]) if self.upright and turn in _TURNS else colours

    def _laid(self, picture: Image.Image) -> Image.Image:
        """A picture with transparency on the background."""
        whole = Image.new("RGB", picture.size, self.background)
        whole.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
        return whole

    def _scaled(self, picture: ImageFile) -> Image.Image:
        """A picture of more than 8 bits a pixel."""
        values = deep_values(picture)
        black, white = self.floats if picture.mode == "F" else (0, 2 ** (self.bits or depth(picture)) - 1)
        least, most = float(values.min()), float(values.max())
        step = (white - black) / 255
        rounding = step / 2 if picture.mode == "F" else 0  # what resizing floats may have added
        if not black - rounding <= least <= most <= white + rounding:  # also what is no number
            option = "pixels/floats changes that" if picture.mode == "F" else "pixels/bits changes what is white"
            raise InvalidError(
                f"its values run from {least:.6g} to {most:.6g}, and only {black:.6g} to {white:.6g} become black to "
                f"white; {option}"
            )
        levels = np.rint((values - black) / step).clip(0, 255).astype(np.uint8)
        if least < most and levels.min() == levels.max():
            option = "floats" if picture.mode == "F" else f"bits, such as {max(1, int(most).bit_length())},"
            raise InvalidError(
                f"its values run from {least:.6g} to {most:.6g}, which {black:.6g} to {white:.6g} for black to white "
                f"makes one flat grey; pixels/{option} changes that"
            )
        return self._coloured(255 - levels if _tag(picture, _COLOURS, 1) == 0 else levels, values, picture.info)

    def _coloured(self, levels: _Grey, values: _Values, info: Mapping[str | tuple[int, int], Any]) -> Image.Image:
        """Grey as colour, with the background where the value is the one that means transparent."""
        whole = Image.fromarray(levels).convert("RGB")
        key = info.get("transparency")
        if isinstance(key, int):
            whole.paste(self.background, mask=Image.fromarray(np.uint8(255) * (values == key)))
        return whole


def is_deep(picture: Image.Image) -> bool:
    """Whether a picture is grey of more than 8 bits, or of floating point."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def deep_values(picture: ImageFile) -> _Values:
    """The values of a deep picture as its file has them."""
    values = np.asarray(picture)
    if picture.mode == "I" and _tag(picture, _BITS, 16) == 32 and _tag(picture, _SIGN, 1) == 1:
        values = values.view(np.uint32)  # Pillow has signed integers alone
    return values.astype(np.float64)


def depth(picture: ImageFile) -> int:
    """How many bits deep a deep picture's integers are, from 0 up; Pillow brings all but TIFF to 16."""
    return _tag(picture, _BITS, 16) - (_tag(picture, _SIGN, 1) == 2)


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation of a picture that was read, 1 to 8; 1 where none can be read."""
    try:
        turn = picture.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return turn if turn in _TURNS else 1


def _refuse_unclear(picture: ImageFile) -> None:
    """Refuses, before its pixels are read, a picture that Pillow would read wrongly without a word."""
    if min(picture.size) < 1:
        raise InvalidError(f"it has {picture.width} x {picture.height} pixels")
    if picture.mode == "L" and _tag(picture, _SIGN, 1) == 2:
        raise InvalidError("it has 8-bit numbers with a sign; save it as 8 bits without a sign")
    wide = any("16" in str(tile.args) for tile in picture.tile)
    if picture.mode == "RGB" and "transparency" in picture.info and wide:
        raise InvalidError("it has 16 bits a colour and one colour that is transparent; save it with an alpha channel")


def _tag(picture: ImageFile, tag: int, default: int) -> int:
    """A tag of a TIFF; the default for other pictures and where it is not there."""
    value = picture.tag_v2.get(tag, default) if isinstance(picture, TiffImageFile) else default
    return value[0] if isinstance(value, tuple) else value
