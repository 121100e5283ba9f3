"""How large pictures are, by their headers."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from raykd.data import Files

MOST = 2_000  # pictures, evenly over all; a header takes some 0.1 ms, minutes for a million
_AT_ONCE = 8  # threads: over a network a header is waited for


@dataclass(frozen=True, kw_only=True)
class PictureSizes:
    """How large pictures are.

    Args:
        widths, heights: in pixels, of those that were looked at.
        of: how many pictures there are.
    """

    widths: tuple[int, ...]
    heights: tuple[int, ...]
    of: int

    def in_words(self) -> str:
        """The size of all, or the least, the median and the greatest."""
        part = f" (of {len(self.widths)} of them)" if len(self.widths) < self.of else ""
        if len(set(self.widths)) == len(set(self.heights)) == 1:
            return f"{self.widths[0]} x {self.heights[0]} pixels{part}"
        return f"{_range(self.widths)} pixels wide and {_range(self.heights)} high{part}"


def measure(splits: Sequence[Files]) -> PictureSizes:
    """The sizes of the pictures in some splits, or of so many of them as takes seconds."""
    pictures = [(files, index) for files in splits for index in range(len(files))]
    chosen = pictures[:: -(-len(pictures) // MOST)]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        sizes = list(threads.map(_size, chosen))
    widths, heights = zip(*sizes, strict=True)
    return PictureSizes(widths=widths, heights=heights, of=len(pictures))


def _size(picture: tuple[Files, int]) -> tuple[int, int]:
    files, index = picture
    with files.opened(index) as opened:
        return opened.size


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high} (median {round(median(values))})"
