"""How many trials train at once, and whether the cluster has room for them, before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass

from raykd.cluster.group import Resources

_SLOT_CPUS = 0.01  # a slot only waits for its workers, but Tune refuses a trial that asks for nothing
_SLOT_BYTES = 2 * 1024**3  # what a slot's processes take beside the data: see benchmarks/main_job.py


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search's slots, each a trial at a time on a group of workers.

    Args:
        slots: trials at a time.
        resources: of one group.
    """

    slots: int
    resources: Resources

    @property
    def slot_resources(self) -> dict[str, float]:
        return {"cpu": _SLOT_CPUS}


def make_plan(cluster: Mapping[str, float], workers: int, slots: int | None, trials: int) -> Plan:
    """A plan that fits the cluster: each worker has a GPU where there are GPUs, and its share of the CPUs.

    Args:
        cluster: what the cluster has: `CPU`, `GPU`, `memory` in bytes.
        workers: of each trial.
        slots: trials at a time; None for as many as the GPUs (or else CPUs) and the memory allow, and no more than
            `trials`.

    Raises:
        ValueError: too few CPUs or GPUs, with both numbers.
    """
    for name, value in (("workers", workers), ("slots", slots)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    cpus, gpus = cluster.get("CPU", 0.0), cluster.get("GPU", 0.0)
    for kind, total in (("GPUs", gpus), ("CPUs", cpus)):
        if (total or kind == "CPUs") and total < (slots or 1) * workers:
            raise ValueError(
                f"too few {kind}: {slots or 1} trial(s) at a time with {workers} worker(s) each need "
                f"{(slots or 1) * workers}, the cluster has {total:g}"
            )
    if slots is None:
        by_memory = int(cluster.get("memory", float(_SLOT_BYTES * trials)) // _SLOT_BYTES)
        fitting = int((min(gpus, cpus) if gpus else cpus) // workers)
        slots = max(1, min(fitting, by_memory, trials))
    share = int((cpus - slots * _SLOT_CPUS) / (slots * workers))
    return Plan(
        slots=slots,
        resources=Resources(
            workers=workers,
            cpus_per_worker=float(share) if share >= 1 else 1.0 - _SLOT_CPUS,
            gpus_per_worker=1.0 if gpus else 0.0,
        ),
    )
