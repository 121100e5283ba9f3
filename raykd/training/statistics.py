"""The statistics of a student's batch normalisation, taken anew of the student alone.

Where a step runs the teacher's stages in the place of the student's (`raykd.methods.iakd`), the student's later stages
see what follows the teacher's. Training uses the statistics of the batch and does not care, but the running ones, which
the student is evaluated and exported with, become a mixture of what follows the teacher's stages and its own.
"""

import contextlib
import itertools
from collections.abc import Iterator

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from raykd.data.dataset import Dataset
from raykd.models.staged import Staged, evaluating

# Of a uniform IAKD on 4,000 images of Fashion-MNIST, the accuracies of 12 epochs differ by at most 0.5 points from
# those with 4,000 images, and with 256 by 1.6; as training leaves them, by up to 47.
NUM_IMAGES = 1024


@torch.no_grad()
def retake_statistics(student: Staged, dataset: Dataset, epoch: int, seed: int, batch_size: int) -> None:
    """Gives the student's batch normalisation the mean statistics of an epoch's first batches; changes nothing else.

    So many batches, as training showed them, that they have `NUM_IMAGES` images, or all batches where they are fewer.
    """
    with _counting(student) as layers:
        batches = dataset.batches(epoch, seed, batch_size)
        for number, batch in enumerate(itertools.islice(batches, -(-NUM_IMAGES // batch_size)), 1):
            for layer in layers:
                layer.momentum = 1.0 / number  # the mean of all so far; None means the same, and waits for the device
            student(batch.images)


@contextlib.contextmanager
def _counting(student: Staged) -> Iterator[list[_BatchNorm]]:
    """Within, the layers that keep statistics begin them anew, and all else is in eval mode."""
    layers = [layer for layer in student.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    before = [(layer.momentum, layer.num_batches_tracked) for layer in layers]
    with evaluating(student):
        for layer in layers:
            layer.num_batches_tracked = torch.zeros(())  # that of training stays as it is
            layer.reset_running_stats()  # else an infinity would stay one, whatever it is weighted by
            layer.train()
        try:
            yield layers
        finally:
            for layer, (momentum, steps) in zip(layers, before, strict=True):
                layer.momentum, layer.num_batches_tracked = momentum, steps
