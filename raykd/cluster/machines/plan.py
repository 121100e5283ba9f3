"""How many trials train at once, and whether the machines have room for them, before anything starts.

All workers of a search ask for the same, and each takes it from one machine. So the plan counts how many workers each
machine holds; in whatever order Ray then places them, they fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from raykd.cluster.machines.nodes import Node
from raykd.cluster.machines.resources import Resources
from raykd.cluster.machines.worker_count import Workers
from raykd.errors import InvalidError

MOST_SHARING = 10_000  # Ray counts a GPU in shares of 1/10,000
_MOST_SLOTS = 5_000
# A slot only waits for its workers, but Tune refuses a trial that asks for nothing: this is the least that Ray counts.
_SLOT_CPUS = 1 / 10_000
# What a trial takes beside the data: 0.8 GiB on a CPU (worker 640 MiB, slot 126, mailbox 63, on 2026-11-29, digits),
# more where a worker has a CUDA context.
_WORKER_BYTES = 2 * 1024**3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search's slots, each a trial at a time on a group of workers.

    Args:
        slots: trials at a time.
        resources: of one group.
        slots_per_gpu: how many share a GPU, at most; 1 where there is no GPU.
    """

    slots: int
    resources: Resources
    slots_per_gpu: int = 1

    def __str__(self) -> str:
        shared = f", up to {self.slots_per_gpu} on a GPU" if self.slots_per_gpu > 1 else ""
        workers, elastic = self.resources.workers, self.resources.elastic
        bounds = "" if elastic is None else f" ({elastic[0]} to {elastic[1]} as machines are lost or join)"
        return f"{self.slots} trial(s) at a time{shared}, {workers} worker(s) each{bounds}"

    @property
    def slot_resources(self) -> dict[str, float]:
        return {"cpu": _SLOT_CPUS}


def make_plan(nodes: Sequence[Node], workers: Workers, slots: int | None, trials: int, slots_per_gpu: int = 1) -> Plan:
    """A plan that fits the machines: each worker has a GPU, or its share of one, and as many CPUs as all can have.

    Where there are GPUs, machines without one train nothing. Slots share a GPU only where they have to, so that none
    is shared while another has nothing to do.

    Args:
        workers: of each trial. Slots are planned for the most that it may have where that fits. A single slot's trials
            may grow to that later; several divide up what there is now, as one could take all and leave others none.
        slots: trials at a time; None for as many as the GPUs (or else CPUs) and the memory allow, and no more than
            `trials`.
        slots_per_gpu: how many may share a GPU.

    Raises:
        ValueError: too few CPUs or GPUs, or GPUs that cannot be shared, with the numbers.
    """
    # A machine trains on GPUs or not at all: workers of one search ask for the same, so that one on a CPU alone would
    # have to be all of them.
    has_gpus = any(node.gpus >= 1 for node in nodes)
    check_slots(slots)
    check_sharing(slots_per_gpu, workers, has_gpus)
    sharing = range(1, slots_per_gpu + 1) if has_gpus else range(1)
    _check_room(nodes, workers.needed, slots or 1, sharing[-1])
    if slots is None:
        fitting = sum(int(min(_held(node, 1, sharing[-1]), node.memory / _WORKER_BYTES)) for node in nodes)
        slots = max(1, min(fitting // workers.most, trials, _MOST_SLOTS))
    # Elastic groups that start at once could take each other's place: each is planned with an equal part.
    now = min(workers.most, _room(nodes, 1, sharing[-1]) // slots)
    most = workers.most if slots == 1 else now
    # The fewest on a GPU with which all find a place: with more, one GPU would be shared and another stand idle.
    together = next(number for number in sharing if _room(nodes, 1, number) >= slots * now)
    # Whole CPUs, the same number for all: of machines with 3 and 8 CPUs, workers with 3 each lose 2 on the second one,
    # but wherever Ray puts them they fit.
    cpus = 1
    while _room(nodes, cpus + 1, together) >= slots * now:
        cpus += 1
    return Plan(
        slots=slots,
        resources=Resources(
            workers=now,
            elastic=None if workers.least is None else (workers.least, most),
            # All slots may come to lie on one machine: so much less for a worker leaves them room on any.
            cpus_per_worker=round(cpus - slots * _SLOT_CPUS, 4),
            # Rounded down to what Ray counts in: three workers with 0.3333 of a GPU fit, with 0.3334 they would not.
            gpus_per_worker=(MOST_SHARING // together) / MOST_SHARING if together else 0.0,
            on_one_machine=workers.least is None and _fit_on_one(nodes, now, cpus, together, slots),
        ),
        slots_per_gpu=max(1, together),
    )


def _fit_on_one(nodes: Sequence[Node], workers: int, cpus: int, together: int, slots: int) -> bool:
    """Whether each group finds a machine for all of its workers, and one still does whichever machine is lost.

    Ray's PACK does not wait: where a machine is taken for a moment, as by who prepares what the trials share, a group
    lies on two for the whole search (1 of 3 groups of 3 workers on machines of 5 CPUs, one of them with 3 taken).
    """
    held = sorted(_held(node, cpus, together) // workers for node in nodes)
    return workers > 1 and sum(held) >= slots and sum(held[:-1]) >= 1


def check_slots(slots: int | None) -> None:
    """Refuses a number of slots that no cluster has room for; ValueError with the rule and the number."""
    if slots is not None and not 1 <= slots <= _MOST_SLOTS:
        raise InvalidError(f"slots must be within 1 and {_MOST_SLOTS}, got {slots}")


def check_sharing(slots_per_gpu: int, workers: Workers, has_gpus: bool) -> None:
    """Refuses slots that cannot share a GPU; ValueError with the rule and the numbers."""
    if not 1 <= slots_per_gpu <= MOST_SHARING:
        raise InvalidError(f"slots_per_gpu must be within 1 and {MOST_SHARING}, got {slots_per_gpu}")
    if slots_per_gpu > 1 and workers.most > 1:
        raise InvalidError(
            f"slots_per_gpu: slots share a GPU only with workers=1, got workers={workers}: two workers of one trial on "
            f"one GPU are what NCCL refuses"
        )
    if slots_per_gpu > 1 and not has_gpus:
        raise InvalidError("slots_per_gpu: slots share GPUs, and the cluster has none; leave it out")


def _check_room(nodes: Sequence[Node], workers: int, slots: int, together: int) -> None:
    """Refuses more workers than the machines hold with a CPU each; on GPUs, `together` of them on each."""
    need = slots * workers
    wanted = f"{slots} trial(s) at a time with {workers} worker(s) each need {need}"
    if together and (gpus := sum(int(node.gpus) for node in nodes)) * together < need:
        shared = f" for {together} slots each" if together > 1 else ""
        raise InvalidError(f"too few GPUs: {wanted}, the cluster has {gpus}{shared}")
    if (cpus := sum(int(node.cpus) for node in nodes)) < need:
        raise InvalidError(f"too few CPUs: {wanted}, the cluster has {cpus}")
    if (room := _room(nodes, 1, together)) < need:
        raise InvalidError(
            f"too few CPUs beside the GPUs: {wanted}, each a CPU and a GPU of one machine; the cluster's machines have "
            f"room for {room}"
        )


def _room(nodes: Sequence[Node], cpus: int, together: int) -> int:
    """How many workers of so many CPUs the machines hold; on GPUs, `together` of them on each, or on none for 0."""
    return sum(_held(node, cpus, together) for node in nodes)


def _held(node: Node, cpus: int, together: int) -> int:
    held = int(node.cpus) // cpus
    return min(held, int(node.gpus) * together) if together else held
