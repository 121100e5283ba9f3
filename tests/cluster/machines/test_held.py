"""A search that has to wait for what other work holds says so before it waits."""

import pytest
import ray
from ray.util.placement_group import placement_group, remove_placement_group

from raykd.cluster.machines.held import others_hold, waits_for
from raykd.cluster.machines.plan import Plan
from raykd.cluster.machines.resources import Resources


def plan(slots: int, workers: int = 1, cpus: float = 1.0, gpus: float = 0.0) -> Plan:
    return Plan(slots=slots, resources=Resources(workers=workers, cpus_per_worker=cpus, gpus_per_worker=gpus))


@pytest.mark.parametrize(
    ("asked", "free", "held"),
    [
        (plan(2), {"CPU": 8.0}, None),
        (plan(2, workers=4), {"CPU": 8.0}, None),
        (plan(2, workers=4), {"CPU": 7.0}, "other work holds 1 of the cluster's 8 CPUs: 1 of 2 trial(s) can begin now"),
        (plan(3, cpus=2.0), {}, "other work holds 8 of the cluster's 8 CPUs: 0 of 3 trial(s) can begin now"),
        (plan(2, gpus=0.5), {"CPU": 8.0, "GPU": 1.0}, None),
        (plan(4, gpus=0.5), {"CPU": 8.0, "GPU": 0.5}, "other work holds 1.5 of the cluster's 2 GPUs: 1 of 4 trial(s)"),
    ],
)
def test_what_is_free_and_what_is_needed(asked: Plan, free: dict[str, float], held: str | None):
    line = waits_for(asked, {"CPU": 8.0, "GPU": 2.0}, free)
    assert line is None if held is None else line is not None and line.startswith(held)


def test_another_jobs_cpus_are_told_of_until_they_are_free(ray_cluster: None):
    assert others_hold(plan(2)) is None
    other = placement_group([{"CPU": 1.0}])
    ray.get(other.ready())
    line = others_hold(plan(2))
    remove_placement_group(other)
    assert line == (
        "other work holds 1 of the cluster's 2 CPUs: 1 of 2 trial(s) can begin now, the rest as it ends "
        "(`ray status` tells what it is)"
    )
    assert others_hold(plan(2)) is None
