"""How many slots may share a GPU: a number, or as many as fit by the memory that trials are measured to take.

Measured are the base recipe and the largest of the study's first settings, an epoch of each in one process on a GPU
that nothing else uses, as the warm workers of a search train one after the other; on each kind of GPU that the
cluster has. As all workers ask for the same share of a GPU, the kind with the least room decides. A trial may draw
something still larger: a tenth of the GPU is kept free, and no worker takes more than its share of the rest, so that
such a trial fails alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from raykd.cluster.machines.plan import MOST_SHARING, check_sharing, check_slots
from raykd.cluster.machines.resources import USED
from raykd.cluster.machines.worker_count import Workers
from raykd.distributed.world import World
from raykd.errors import InvalidError
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.studies.study import Study
from raykd.training.loop import distill

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The memory that a worker took of a GPU at most, and that the GPU has, in bytes; and the GPU's name."""

    taken: int
    memory: int
    gpu: str

    @property
    def slots_per_gpu(self) -> int:
        """How many such workers fit."""
        return max(1, int(USED * self.memory / self.taken))

    def __str__(self) -> str:
        taken, memory = (f"{number / 2**30:.2f} GiB" for number in (self.taken, self.memory))
        return f"a worker took {taken} of {memory} on {self.gpu}, so {self.slots_per_gpu} may share one"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a search was asked to run on; see `raykd.tune`.

    Raises:
        ValueError: numbers that no cluster has room for.
    """

    workers: Workers = field(default_factory=Workers)
    slots: int | None = None
    slots_per_gpu: int | str = 1

    def __post_init__(self) -> None:
        if isinstance(self.slots_per_gpu, str) and not self.measures:
            raise InvalidError(f"slots_per_gpu must be a number or {AUTO!r}, got {self.slots_per_gpu!r}")
        check_slots(self.slots)
        check_sharing(self.most_sharing, self.workers, has_gpus=True)  # which is seen once the cluster is there

    @property
    def measures(self) -> bool:
        """Whether to measure how many slots may share a GPU."""
        return self.slots_per_gpu == AUTO

    @property
    def most_sharing(self) -> int:
        """How many slots may share a GPU, as far as that is known before anything is measured."""
        return MOST_SHARING if isinstance(self.slots_per_gpu, str) else self.slots_per_gpu


def to_measure(study: Study) -> list[Recipe]:
    """The base recipe, and the first setting with the largest batch times number of terms where that is another."""
    first = [study.recipe_of(study.complete(values)) for values in study.first]
    largest = max([study.recipe, *first], key=lambda recipe: recipe.batch_size * len(recipe.active_terms))
    return [study.recipe] if largest is study.recipe else [study.recipe, largest]


def count_fitting_slots(footprints: Sequence[Footprint]) -> int:
    """How many slots may share a GPU of any of the kinds that were measured."""
    return min(took.slots_per_gpu for took in footprints)


def footprint(recipes: Sequence[Recipe], store: Store, say: Callable[[str], None] = lambda line: None) -> Footprint:
    """Trains an epoch of each recipe on this worker's GPU; called on a worker that has one to itself."""
    device = World.current().device
    assert device.type == "cuda", device
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    for recipe in recipes:
        next(distill(recipe, store=store, world=World.alone(device), say=say))
    torch.cuda.synchronize(device)
    free, memory = torch.cuda.mem_get_info(device)
    beside = memory - free - torch.cuda.memory_reserved(device)  # CUDA's context, kernels and libraries
    taken, name = torch.cuda.max_memory_reserved(device) + beside, torch.cuda.get_device_name(device)
    return Footprint(taken=taken, memory=memory, gpu=name)
