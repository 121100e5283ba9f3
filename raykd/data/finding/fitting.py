"""What suits the pictures that were found: how large they are seen, whether in memory, and how they are augmented.

Small pictures are not blown up: a network then computes on pixels that are not there, and takes (224 / 64)^2 = 12 times
as long for pictures of 64 pixels.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from raykd.data import Augmentation, Frame, ResizedCrop

LARGEST = 224  # pixels: what ImageNet's networks were trained on
SMALL = 96  # pixels, up to which a crop of the padded picture is customary: CIFAR, Tiny-ImageNet, STL-10
MOST_IN_MEMORY = 2 << 30  # bytes
_STEP = 32  # pixels: by so much do most networks reduce a picture
_PER_CROP = 8  # a picture is padded by its size divided by this: CIFAR's 32 pixels by 4, STL-10's 96 by 12
_SIDES = re.compile(r"(?<![a-z])(left|right|links|rechts)(?![a-z])")


def frame_for(widths: Sequence[int], heights: Sequence[int], size: int | None = None) -> Frame:
    """The square that pictures become.

    Its side is the median of the smaller one of their sides, to the nearest multiple of 32 above 32, at most 224.
    Larger pictures are resized to 8/7 of it first, as ImageNet's are to 256 for 224.

    Args:
        widths, heights: of the pictures, in pixels.
        size: of the square, where a teacher knows one size alone.
    """
    side = min(_median(widths), _median(heights))
    if size is None:
        size = side if side <= _STEP else min(LARGEST, (side + _STEP // 2) // _STEP * _STEP)
    larger = size * 8 // 7
    return Frame(resize=larger if size > SMALL and side >= larger else size, size=size)


def augmentation_for(frame: Frame, classes: Sequence[str]) -> Augmentation:
    """How training views are made: resized crops of large pictures, crops of small padded ones.

    They are mirrored unless a class is a single letter or digit, or has a side in its name.
    """
    flip = mirrors(classes)
    if frame.size > SMALL:
        return Augmentation(flip=flip, resized=ResizedCrop())
    return Augmentation(flip=flip, padding=max(1, frame.size // _PER_CROP))


def mirrors(classes: Sequence[str]) -> bool:
    """Whether a picture's mirror image is of the same class, as far as the classes' names tell."""
    return not (all(len(name) == 1 for name in classes) or any(_SIDES.search(name.lower()) for name in classes))


def room_in_memory() -> int:
    """Bytes that decoded pictures may take: a quarter of the memory that is free here, at most 2 GiB."""
    return min(MOST_IN_MEMORY, _free() // 4)


def _free() -> int:
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():  # not Linux; all the memory there is
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    available = re.search(r"^MemAvailable: +(\d+) kB", meminfo.read_text(), re.MULTILINE)
    assert available, "Linux has told it since 3.14"
    return 1024 * int(available.group(1))


def _median(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]
