"""Pictures decoded once, into a file of bytes that later runs on the machine share."""

from pathlib import Path

import numpy as np
import torch

from raykd.data import Files, Split
from raykd.data.caching import kept
from raykd.space.serialise import fingerprint

_VERSION = 1
_AT_ONCE = 64  # pictures


def decoded(split: Split, cache: Path | None) -> Split:
    """A split of files as bytes: mapped from a file in the cache, which is made first where there is none.

    Args:
        cache: None to decode anew in every process.
    """
    files: Files = split.images

    def make(folder: Path) -> None:
        _decode(files, np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, files.shape))

    key = fingerprint({"files": files.summary().hex(), "version": _VERSION})
    folder = None if cache is None else kept(cache, "images", key, make)
    if folder is None:
        images = np.empty(files.shape, np.uint8)
        _decode(files, images)
    else:
        images = np.load(folder / "images.npy", mmap_mode="c")  # PyTorch wants to write
    return Split(torch.from_numpy(images), split.labels)


def _decode(files: Files, images: np.ndarray) -> None:
    for indices, batch in files.read(torch.arange(len(files)).split(_AT_ONCE)):
        images[indices] = batch.numpy()
