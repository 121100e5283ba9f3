"""A case of `odd_files.py`: what is put into a folder of pictures, and what must come of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 64


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is put into a folder.

    Args:
        name: in words.
        put: does it, to a folder with `zero`, `one` and `four`; it returns, by the paths of odd pictures below the
            folder, the bytes (height, width, 3) that they must be read as.
        more: how many pictures there must be beside the plain ones; None where the folder must be refused in a line.
        says: what the lines must have in them.
        words: further words of the command.
        as_nobody: whether it runs as the user `nobody`, since root may read everything.
    """

    name: str
    put: Callable[[Path], dict[str, Any]]
    more: int | None = 1
    says: str = ""
    words: tuple[str, ...] = ()
    as_nobody: bool = False


def rgb() -> np.ndarray:
    """A picture of 64 x 64 pixels with a gradient in each colour."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] * 4
    return np.stack([rows, columns, 255 - rows], axis=2).astype(np.uint8)


def grey() -> np.ndarray:
    return rgb()[:, :, 1]


def three(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[:, :, None], 3, axis=2)


def picture(
    name: str, image: Image.Image, truth: np.ndarray | None, **options: Any
) -> Callable[[Path], dict[str, Any]]:
    def put(root: Path) -> dict[str, Any]:
        image.save(root / "zero" / name, **options)
        return {} if truth is None else {f"zero/{name}": truth}

    return put


def content(name: str, written: bytes, truth: np.ndarray | None = None) -> Callable[[Path], dict[str, Any]]:
    def put(root: Path) -> dict[str, Any]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(written)
        return {} if truth is None else {name: truth}

    return put
