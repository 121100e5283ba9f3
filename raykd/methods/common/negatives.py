"""Images of other classes for each image of a batch, as a pure function of the image, the epoch and the run's seed.

The other classes' images, put in order by class, are cut into as many equal runs as negatives are asked for, and one
is drawn from each run, after the order has been turned round to start anywhere. So no negative comes twice, each is
as likely as the next, every class has nearly its share, and the work is that of the draws alone; a plain draw
without repetition, as in CRD's code, has all images to shuffle for each image of the batch, and shares that vary more.
"""

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from raykd.errors import InvalidError
from raykd.ops.rng import integers


class Negatives(nn.Module):
    """Images of other classes for each image, a function of the image, the epoch and the run's seed.

    Args:
        labels: of all images.
        count: K, how many for each image; some come more than once where a class has fewer negatives.

    Raises:
        ValueError: images of one class alone.
    """

    by_class: Tensor
    first: Tensor
    size: Tensor

    def __init__(self, labels: Int64[Tensor, "n"], count: int):
        super().__init__()
        sizes = labels.bincount()
        if int(sizes.max()) == len(labels):
            raise InvalidError(f"needs training images of at least 2 classes, all {len(labels)} are of one")
        self._count = count
        tables = {
            "by_class": labels.argsort(stable=True),
            "first": (sizes.cumsum(0) - sizes)[labels],  # of an image's class among those put in order
            "size": sizes[labels],
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, images: Int64[Tensor, "batch"], epoch: int, seed: int) -> Int64[Tensor, "batch k"]:
        first, size = self.first[images, None], self.size[images, None]
        others, drawn = len(self.by_class) - size, torch.arange(self._count, device=images.device)
        apart = others >= self._count  # so that each draw has a share of its own
        low = torch.where(apart, drawn * others // self._count, 0)
        width = torch.where(apart, (drawn + 1) * others // self._count - low, others)
        counters = (images[:, None] * self._count + drawn).flatten()
        draw = low + integers(counters, 2**31, "crd", seed, epoch).unflatten(0, low.shape) % width
        start = integers(images, 2**31, "crd start", seed, epoch)[:, None]
        place = (draw + start) % others
        return self.by_class[torch.where(place < first, place, place + size)]
