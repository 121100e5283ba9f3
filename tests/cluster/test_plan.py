"""Slots and shares: what fits the cluster, and one clear line where nothing does."""

import pytest

from raykd.cluster.plan import make_plan

GIB = 2**30


def plan(cpus, gpus=0.0, memory=64 * GIB, workers=1, slots=None, trials=100):
    return make_plan({"CPU": cpus, "GPU": gpus, "memory": memory}, workers, slots, trials)


@pytest.mark.parametrize(
    ("cpus", "gpus", "workers", "slots", "cpus_per_worker", "gpus_per_worker"),
    [
        (2.0, 0.0, 1, 2, 0.99, 0.0),
        (2.0, 0.0, 2, 1, 0.99, 0.0),
        (16.0, 8.0, 1, 8, 1.0, 1.0),
        (64.0, 8.0, 2, 4, 7.0, 1.0),
        (16.0, 1.0, 1, 1, 15.0, 1.0),
        (3.0, 8.0, 1, 3, 0.99, 1.0),
    ],
)
def test_as_many_slots_as_fit(cpus, gpus, workers, slots, cpus_per_worker, gpus_per_worker):
    made = plan(cpus, gpus, workers=workers)
    assert made.slots == slots
    assert made.resources.workers == workers
    assert made.resources.cpus_per_worker == cpus_per_worker
    assert made.resources.gpus_per_worker == gpus_per_worker
    used = made.slots * (workers * cpus_per_worker + made.slot_resources["cpu"])
    assert used <= cpus


def test_memory_and_the_number_of_trials_bound_the_slots():
    assert plan(16.0, memory=7 * GIB).slots == 3
    assert plan(16.0, trials=5).slots == 5
    assert plan(16.0, memory=1 * GIB).slots == 1


def test_the_asked_slots_are_taken_and_share_all_cpus():
    made = plan(16.0, slots=2)
    assert (made.slots, made.resources.cpus_per_worker) == (2, 7.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cpus": 2.0, "workers": 3}, r"too few CPUs: 1 trial\(s\) at a time with 3 worker\(s\) each need 3, .* has 2"),
        ({"cpus": 2.0, "slots": 4}, "too few CPUs: .* need 4, the cluster has 2"),
        ({"cpus": 16.0, "gpus": 1.0, "workers": 2}, "too few GPUs: .* need 2, the cluster has 1"),
        ({"cpus": 1.0, "gpus": 4.0, "slots": 2}, "too few CPUs: .* need 2, the cluster has 1"),
        ({"cpus": 2.0, "slots": 0}, "slots must be at least 1, got 0"),
        ({"cpus": 2.0, "workers": -1}, "workers must be at least 1, got -1"),
    ],
)
def test_too_little_is_one_clear_line(options, message):
    with pytest.raises(ValueError, match=message):
        plan(**options)
