"""Which of a trial's workers train it, where the batch cannot be shared out among all of them."""

import torch

from raykd.distributed.world import World


def share_batch(batch_size: int, workers: World, made: dict[int, World], timeout_s: float) -> World:
    """The first of the workers, as many as can share a batch alike; the others stand by until the next job.

    Called by all workers at the start of each job.

    Args:
        workers: all that there are.
        made: the worlds of fewer that there were before; a new one is added.
        timeout_s: how long they wait for each other in a collective.
    """
    # One worker can always take the whole batch, so that there is an answer for every size.
    size = next(number for number in range(workers.size, 0, -1) if batch_size % number == 0)
    if size == workers.size:
        return workers
    workers.sum(torch.zeros((), device=workers.device))  # who stands by falls no further behind than one job
    if size not in made:
        # All workers come here for the same job: PyTorch makes a group only where every process asks for it.
        made[size] = workers.first(size, timeout_s)
    return made[size]
