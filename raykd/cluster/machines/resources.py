"""What a group of workers takes of the cluster."""

import math
from dataclasses import dataclass

USED = 0.9  # of a GPU's memory, where several slots share it; the rest is for their CUDA contexts


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a group takes.

    Args:
        workers: as many as there is room for when the search begins.
        elastic: the least and the most that the group goes on with when machines are lost or join.
        on_one_machine: whether a group's workers are placed on one machine, and wait for it, so that what they tell
            each other in every step crosses no network.
    """

    workers: int = 1
    elastic: tuple[int, int] | None = None
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = 0.0
    on_one_machine: bool = False

    @property
    def threads(self) -> int:
        """That a worker computes with: its CPUs, of which the slots take a bit away."""
        return math.ceil(self.cpus_per_worker)

    @property
    def per_worker(self) -> dict[str, float]:
        return {"CPU": self.cpus_per_worker} | ({"GPU": self.gpus_per_worker} if self.gpus_per_worker else {})
