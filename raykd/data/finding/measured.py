"""How large pictures are, by their headers."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image

from raykd.data import Files
from raykd.errors import InvalidError

MOST = 2_000  # pictures, evenly over all; a header takes some 0.1 ms, minutes for a million
_AT_ONCE = 8  # threads: over a network a header is waited for


@dataclass(frozen=True, kw_only=True)
class PictureSizes:
    """How large pictures are.

    Args:
        widths, heights: in pixels, of those that were looked at and can be read.
        unreadable: the paths of the others.
        of: how many pictures there are.
    """

    widths: tuple[int, ...]
    heights: tuple[int, ...]
    unreadable: tuple[str, ...]
    of: int

    def in_words(self) -> str:
        """The size of all, or the least, the median and the greatest."""
        looked_at = len(self.widths) + len(self.unreadable)
        part = f" (of {looked_at} of them)" if looked_at < self.of else ""
        if len(set(self.widths)) == len(set(self.heights)) == 1:
            return f"{self.widths[0]} x {self.heights[0]} pixels{part}"
        return f"{_range(self.widths)} pixels wide and {_range(self.heights)} high{part}"


def measure(splits: Sequence[Files]) -> PictureSizes:
    """The sizes of the pictures in some splits, or of so many of them as takes seconds.

    Raises:
        ValueError: none of them can be read.
    """
    paths = [files.root / name for files in splits for name in files.names]
    chosen = paths[:: -(-len(paths) // MOST)]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        sizes = list(threads.map(_size, chosen))
    known = [size for size in sizes if size is not None]
    if not known:
        raise InvalidError(f"{chosen[0]}: no picture that can be read, nor any other of {len(chosen)}")
    widths, heights = zip(*known, strict=True)
    unreadable = tuple(str(path) for path, size in zip(chosen, sizes, strict=True) if size is None)
    return PictureSizes(widths=widths, heights=heights, unreadable=unreadable, of=len(paths))


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path) as picture:
            return picture.size
    except Exception:  # whatever a decoder makes of bytes that are no image; the check before training names it
        return None


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high} (median {round(median(values))})"
