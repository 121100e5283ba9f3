"""How many threads of a CPU compute: the last bits of sums and products depend on it."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def computing_threads(number: int | None, device: torch.device) -> Iterator[None]:
    """Within, a CPU computes with so many threads; None, or a GPU, leaves them as they are.

    What a GPU computes does not depend on them, and it needs them for what feeds it, such as decoding images.
    """
    before = torch.get_num_threads()
    if number is None or device.type != "cpu":
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
