"""How many trials may share a GPU, measured for a search that has not started."""

import contextlib
from collections.abc import Sequence

from raykd.cluster.machines.nodes import Node, one_of_each_gpu
from raykd.cluster.machines.plan import make_plan
from raykd.cluster.machines.sharing import Footprint, Wanted, count_fitting_slots, footprint
from raykd.cluster.machines.worker_count import Workers
from raykd.cluster.rehearsal import scratch, untaught
from raykd.cluster.workers.tasks import as_worker_task, fetch_result
from raykd.recipe import Recipe
from raykd.storage.artifacts import NotMadeError, open_store
from raykd.storage.storage import Storage


def measure_footprints(nodes: Sequence[Node], recipes: Sequence[Recipe], storage: Storage) -> tuple[Footprint, ...]:
    """On each kind of GPU at the same time; none where the recipes cannot be rehearsed yet."""
    measuring = [
        as_worker_task(_footprint, make_plan([node], Workers(), 1, 1).resources, node).remote(recipes, storage)
        for node in one_of_each_gpu(nodes)
    ]
    took = [fetch_result(reference) for reference in measuring]
    return () if None in took else tuple(took)


def _footprint(recipes: Sequence[Recipe], storage: Storage) -> Footprint | None:
    """A worker's footprint, or None where the recipes cannot be rehearsed yet."""
    with contextlib.suppress(NotMadeError):
        return footprint(recipes, open_store(storage, makes=()))
    with scratch() as made, contextlib.suppress(NotMadeError):
        return footprint([untaught(recipe) for recipe in recipes], made)
    return None


def count_sharing(took: Sequence[Footprint], wanted: Wanted) -> int:
    """How many slots may share a GPU; where that cannot be known yet: one, or as many as the asked slots need."""
    if took:
        return count_fitting_slots(took)
    return 1 if wanted.slots is None else wanted.most_sharing
