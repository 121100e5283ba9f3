"""What a group answers its slot, in a file that loads no PyTorch: a slot only waits, and need not load it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an epoch gave, or in `error` the one line that says why there is none."""

    number: int = 0
    metrics: Mapping[str, float] | None = None
    done: bool = False
    diverged: bool = False
    error: str | None = None
