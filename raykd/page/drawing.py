"""Pictures that are made of pixels: strips of images, matrices and masks as PNGs, for the page and for TensorBoard.

They are drawn on white, twice as large as they are shown, so that their letters are sharp on a phone too.
"""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from raykd.page.style import BAD, TEACHER

Pixels: TypeAlias = int | float
SCALE = 2
RIGHT, WRONG = TEACHER, BAD  # the colours of frames
_INK, _FAINT, _GROUND = "#1c2026", "#5d646f", "#ffffff"
_TILE, _GAP, _LINE, _LEFT = 56, 6, 16, 170  # pixels as shown


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """A picture with what it shows.

    Args:
        tag: its name in TensorBoard.
        text: how it is to be read.
        width, height: of the PNG, in pixels.
    """

    tag: str
    title: str
    text: str
    png: bytes
    width: int
    height: int

    @property
    def data(self) -> str:
        """The PNG as a URI."""
        return uri(self.png)

    @property
    def shown_width(self) -> int:
        return self.width // SCALE


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A row of images with lines of text at its left, the first line the darkest.

    Args:
        images: of one or three channels, 0 to 255.
        frames: a colour around each image; None for no frame.
    """

    lines: tuple[str, ...]
    images: tuple[UInt8[Tensor, "channels height width"], ...]
    frames: tuple[str | None, ...] = ()


def exhibit(tag: str, title: str, text: str, image: Image.Image) -> Exhibit:
    """A drawn picture with what it shows."""
    return Exhibit(tag=tag, title=title, text=text, png=png(image), width=image.width, height=image.height)


def png(image: Image.Image) -> bytes:
    """A picture as a file's content."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def uri(content: bytes) -> str:
    """A PNG as a URI."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A white picture of a size as shown, and what draws on it in its own pixels."""
    image = Image.new("RGB", (SCALE * width, SCALE * height), _GROUND)
    return image, ImageDraw.Draw(image)


def write(
    draw: ImageDraw.ImageDraw, x: Pixels, y: Pixels, words: str, *, anchor: str = "la", faint: bool = False
) -> None:
    """Writes a line at a place as shown; `anchor` as Pillow's."""
    font = ImageFont.load_default(12 * SCALE)
    draw.text((SCALE * x, SCALE * y), words, fill=_FAINT if faint else _INK, font=font, anchor=anchor)


def box(draw: ImageDraw.ImageDraw, x: Pixels, y: Pixels, width: Pixels, height: Pixels, colour: str) -> None:
    """Fills a box at a place and of a size as shown."""
    right, bottom = SCALE * (x + width) - 1, SCALE * (y + height) - 1
    draw.rectangle((SCALE * x, SCALE * y, right, bottom), fill=colour)


def strips(rows: Sequence[Strip]) -> Image.Image:
    """The rows one below the other."""
    most, step = max(len(row.images) for row in rows), _TILE + _GAP
    image, draw = canvas(_LEFT + most * step + _GAP, len(rows) * step + _GAP)
    for number, row in enumerate(rows):
        top = _GAP + number * step
        for place, line in enumerate(row.lines):
            write(draw, _GAP, top + 4 + place * _LINE, line, faint=place > 0)
        for place, (tile, frame) in enumerate(zip(row.images, row.frames or (None,) * len(row.images), strict=True)):
            left = _LEFT + place * step
            if frame is not None:
                box(draw, left - 3, top - 3, _TILE + 6, _TILE + 6, frame)
            image.paste(_fitted(tile), (SCALE * left, SCALE * top))
    return image


def picture(image: UInt8[Tensor, "channels height width"]) -> Image.Image:
    """An image of one or three channels as Pillow's."""
    return Image.fromarray(image.permute(1, 2, 0).squeeze(-1).numpy())


def _fitted(tile: UInt8[Tensor, "channels height width"]) -> Image.Image:
    """An image in a square tile: a small one in sharp squares, a large one made smaller."""
    drawn, edge = picture(tile), SCALE * _TILE
    ratio = edge / max(drawn.size)
    size = (math.ceil(drawn.width * ratio), math.ceil(drawn.height * ratio))
    resampling = Image.Resampling.NEAREST if ratio > 1 else Image.Resampling.LANCZOS
    whole = Image.new("RGB", (edge, edge), _GROUND)
    whole.paste(drawn.convert("RGB").resize(size, resampling), ((edge - size[0]) // 2, (edge - size[1]) // 2))
    return whole
