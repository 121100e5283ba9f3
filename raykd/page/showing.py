"""Validation images that networks are shown for the page: some seconds' worth, evenly spread over the split."""

import time
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from raykd.data.dataset import Dataset


def validation_images(
    dataset: Dataset, most: int, batch: int, seconds: float
) -> Iterator[tuple[Int64[Tensor, "b"], Float[Tensor, "b c h w"]]]:
    """Batches of places in the split and images, 0 to 255, in no order; the first one always, then until time is up.

    Args:
        most: images in all.
        batch: images at a time.
        seconds: wall time, that of whoever asks for them included.
    """
    split, begun = dataset.validation, time.monotonic()
    order = torch.linspace(0, len(split) - 1, min(most, len(split))).round().long()
    count = -(-len(order) // batch)
    for indices, images in split.read([order[start::count] for start in range(count)]):
        yield indices, images
        if time.monotonic() - begun > seconds:
            return
