"""Whether a network can train on one image a process: its normalisations over a batch then have one image's values."""

import torch

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged


def check_batch_of_one(network: Staged, image: Shape, num_processes: int) -> None:
    """Refuses a network of which a batch normalisation would have one value a channel, whose deviation is 0.

    PyTorch refuses that too, in the first step. The network's running statistics are changed.

    Args:
        num_processes: that train together, each with an image.

    Raises:
        ValueError: it has such a normalisation, with the batch size that works.
    """
    try:
        with torch.no_grad():
            network.train()(torch.zeros(1, *image))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise InvalidError(
            f"batch_size: {num_processes} is one image a process, and a batch normalisation of the student has one "
            f"value a channel; {2 * num_processes} or more work"
        ) from None
