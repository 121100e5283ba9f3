"""How many trials a search trains at a time, and on what: what fits the machines that are there."""

from collections.abc import Callable

from raykd.cluster.machines.capacity import wait_for_machines
from raykd.cluster.machines.nodes import check_gpus, living_nodes, one_of_each_gpu
from raykd.cluster.machines.plan import Plan, make_plan
from raykd.cluster.machines.shared_storage import check_shared
from raykd.cluster.machines.sharing import Footprint, Wanted, count_fitting_slots, footprint, to_measure
from raykd.cluster.machines.worker_count import Workers
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.tasks import run_on_worker
from raykd.protocols.event import Doing, Listener, Said


def plan_slots(trials: Trials, wanted: Wanted, total: int, tell: Listener, look: Callable[[], None]) -> Plan:
    """What fits the machines; how many slots share a GPU is measured first where that was asked."""
    wait_for_machines(wanted, tell, look)
    nodes = living_nodes()
    plan = make_plan(nodes, wanted.workers, wanted.slots, total, wanted.most_sharing)
    check_shared(nodes, trials.storage, trials.folder)
    check_gpus(nodes, plan.resources.gpus_per_worker)
    if not wanted.measures:
        return plan
    footprints = list[Footprint]()
    for node in one_of_each_gpu(nodes):
        tell(Doing(text="measuring the GPU memory of a worker"))
        alone = make_plan([node], Workers(), 1, 1).resources
        footprints.append(run_on_worker(_footprint, alone, tell, trials, node=node, look=look))
        tell(Said(text=str(footprints[-1])))
    return make_plan(nodes, wanted.workers, wanted.slots, total, count_fitting_slots(footprints))


def _footprint(trials: Trials, tell: Listener) -> Footprint:
    return footprint(to_measure(trials.study), trials.open_store(), lambda text: tell(Doing(text=text)))
