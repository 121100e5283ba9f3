"""Slots and shares: what fits the machines, however they are mixed, and one clear line where nothing does."""

import dataclasses
import math
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raykd.cluster.machines.nodes import Node
from raykd.cluster.machines.plan import Plan, make_plan
from raykd.cluster.machines.worker_count import Workers

GIB = 2**30


def plan(cpus, gpus=0.0, memory=64.0 * GIB, workers=1, slots=None, trials=100, slots_per_gpu=1) -> Plan:
    """On a single machine."""
    return make_plan([Node(cpus=cpus, gpus=gpus, memory=memory)], Workers(workers), slots, trials, slots_per_gpu)


def small(cpus: int, gpus: int = 0, memory: float = math.inf) -> Node:
    return Node(cpus=float(cpus), gpus=float(gpus), memory=memory)


@pytest.mark.parametrize(
    ("cpus", "gpus", "workers", "slots", "threads", "gpus_per_worker"),
    [
        (2.0, 0.0, 1, 2, 1, 0.0),
        (2.0, 0.0, 2, 1, 1, 0.0),
        (16.0, 8.0, 1, 8, 2, 1.0),
        (64.0, 8.0, 2, 4, 8, 1.0),
        (16.0, 1.0, 1, 1, 16, 1.0),
        (3.0, 8.0, 1, 3, 1, 1.0),
    ],
)
def test_as_many_slots_as_fit(cpus, gpus, workers, slots, threads, gpus_per_worker):
    made = plan(cpus, gpus, workers=workers)
    assert made.slots == slots
    assert made.resources.workers == workers
    assert made.resources.threads == threads
    assert made.resources.gpus_per_worker == gpus_per_worker
    assert made.slots_per_gpu == 1
    used = made.slots * (workers * made.resources.cpus_per_worker + made.slot_resources["cpu"])
    assert used <= cpus


def test_memory_and_the_number_of_trials_bound_the_slots():
    assert plan(16.0, memory=7.0 * GIB).slots == 3
    assert plan(16.0, trials=5).slots == 5
    assert plan(16.0, memory=1.0 * GIB).slots == 1
    assert make_plan([small(4, memory=3.0 * GIB), small(4, memory=5.0 * GIB)], Workers(1), None, 100).slots == 1 + 2


def test_the_asked_slots_are_taken_and_share_all_cpus():
    made = plan(16.0, slots=2)
    assert (made.slots, made.resources.threads) == (2, 8)


@pytest.mark.parametrize(
    ("cpus", "slots", "workers", "planned", "now", "bounds", "threads"),
    [
        (2.0, None, Workers(4, least=1), 1, 2, (1, 4), 1),
        (8.0, None, Workers(4, least=1), 2, 4, (1, 4), 1),
        (8.0, 1, Workers(4, least=1), 1, 4, (1, 4), 2),
        (16.0, 3, Workers(8, least=2), 3, 5, (2, 5), 1),
        (3.0, None, Workers(4, least=3), 1, 3, (3, 4), 1),
    ],
)
def test_elastic_workers_are_planned_for_the_machines_that_are_there(
    cpus, slots, workers, planned, now, bounds, threads
):
    made = make_plan([Node(cpus=cpus)], workers, slots, 100)
    assert (made.slots, made.resources.workers, made.resources.elastic) == (planned, now, bounds)
    assert made.resources.threads == threads


def test_too_few_machines_for_the_least_workers_are_told():
    with pytest.raises(
        ValueError, match=r"too few CPUs: 1 trial\(s\) at a time with 3 worker\(s\) each need 3, .* has 2"
    ):
        make_plan([small(2)], Workers(4, least=3), None, 100)


def test_a_worker_lies_on_one_machine():
    assert make_plan([small(1), small(1)], Workers(1), 1, 100).resources.threads == 1
    assert make_plan([small(3), small(3)], Workers(1), 2, 100).resources.threads == 3
    assert (
        make_plan([small(3), small(3)], Workers(1), 3, 100).resources.threads == 1
    )  # at 2 each, a fourth part stays free
    assert make_plan([small(0), small(2), small(4)], Workers(3), 1, 100).resources.threads == 2


@pytest.mark.parametrize(
    ("nodes", "workers", "slots", "on_one"),
    [
        ([small(3), small(3)], 2, 2, True),
        ([small(16, gpus=8)] * 64, 8, 64, True),
        ([small(16, gpus=8)] * 64, 1, 512, False),  # there is nothing to keep together
        ([small(3), small(3)], 2, 3, False),  # the third one lies on both
        ([small(4)], 2, 2, False),  # there is one machine alone
        ([small(4), small(2), small(2)], 4, 1, False),  # without the first it still goes on, on the other two
    ],
)
def test_workers_of_a_trial_are_kept_on_one_machine_where_they_fit(nodes, workers, slots, on_one):
    assert make_plan(nodes, Workers(workers), slots, 1000).resources.on_one_machine is on_one


def test_elastic_workers_lie_where_there_is_room():
    assert not make_plan([small(2), small(2)], Workers(2, least=1), 2, 100).resources.on_one_machine


def test_only_machines_with_gpus_train_where_there_are_any():
    nodes = [small(64), small(8, gpus=2), small(4, gpus=1)]
    made = make_plan(nodes, Workers(1), None, 100)
    assert (made.slots, made.resources.threads, made.resources.gpus_per_worker) == (3, 4, 1.0)
    assert make_plan([small(2, gpus=8), small(8, gpus=1)], Workers(1), None, 100).slots == 2 + 1


@pytest.mark.parametrize(
    ("slots_per_gpu", "asked", "trials", "slots", "together", "share"),
    [
        (4, None, 100, 8, 4, 0.25),
        (3, None, 100, 6, 3, 0.3333),
        (6, None, 100, 12, 6, 0.1666),  # six times 0.1667 is more than a GPU to Ray
        (50, None, 100, 16, 8, 0.125),  # as the CPUs allow
        (4, 2, 100, 2, 1, 1.0),  # a GPU each: nothing has to be shared
        (4, 3, 100, 3, 2, 0.5),
        (4, None, 5, 5, 3, 0.3333),
    ],
)
def test_slots_share_gpus_where_they_have_to(slots_per_gpu, asked, trials, slots, together, share):
    made = plan(16.0, 2.0, slots=asked, trials=trials, slots_per_gpu=slots_per_gpu)
    assert (made.slots, made.slots_per_gpu, made.resources.gpus_per_worker) == (slots, together, share)
    assert made.resources.threads == 16 // slots


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cpus": 2.0, "workers": 3}, r"too few CPUs: 1 trial\(s\) at a time with 3 worker\(s\) each need 3, .* has 2"),
        ({"cpus": 2.0, "slots": 4}, "too few CPUs: .* need 4, the cluster has 2"),
        ({"cpus": 0.0}, "too few CPUs: .* need 1, the cluster has 0"),
        ({"cpus": 16.0, "gpus": 1.0, "workers": 2}, "too few GPUs: .* need 2, the cluster has 1$"),
        ({"cpus": 16.0, "gpus": 1.0, "slots": 4, "slots_per_gpu": 3}, "need 4, the cluster has 1 for 3 slots each"),
        ({"cpus": 1.0, "gpus": 4.0, "slots": 2}, "too few CPUs: .* need 2, the cluster has 1"),
        ({"cpus": 2.0, "slots": 0}, "slots must be within 1 and 5000, got 0"),
        ({"cpus": 2.0, "slots": 5001}, "slots must be within 1 and 5000, got 5001"),
        ({"cpus": 2.0, "workers": -1}, "workers must be at least 1, got -1"),
        ({"cpus": 2.0, "gpus": 1.0, "slots_per_gpu": 0}, "slots_per_gpu must be within 1 and 10000, got 0"),
        (
            {"cpus": 8.0, "gpus": 2.0, "slots_per_gpu": 2, "workers": 2},
            "only with workers=1, got workers=2: .* NCCL",
        ),
        ({"cpus": 8.0, "slots_per_gpu": 2}, "slots share GPUs, and the cluster has none; leave it out"),
    ],
)
def test_too_little_is_one_clear_line(options, message):
    with pytest.raises(ValueError, match=message):
        plan(**options)


def test_gpus_without_cpus_beside_them_are_told():
    nodes = [small(8), small(1, gpus=4)]
    with pytest.raises(ValueError, match=r"too few CPUs beside the GPUs: .* need 2, .* have room for 1$"):
        make_plan(nodes, Workers(1), 2, 100)
    assert make_plan(nodes, Workers(1), None, 100).slots == 1


NODES = st.lists(st.builds(small, st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=3)


@settings(max_examples=300, deadline=None)
@given(nodes=NODES, workers=st.integers(1, 2), asked=st.none() | st.integers(1, 5), together=st.integers(1, 3))
def test_a_plan_can_be_placed_and_is_refused_only_if_none_can(nodes, workers, asked, together):
    """Against every way to put workers on machines and their GPUs, wherever the slots themselves come to lie."""
    has_gpus = any(node.gpus for node in nodes)
    together = together if has_gpus and workers == 1 else 1
    share = 10_000 // together / 10_000 if has_gpus else 0.0
    try:
        made = make_plan(nodes, Workers(workers), asked, 6, together)
    except ValueError:
        assert most_placed(nodes, 1.0, share) < (asked or 1) * workers
        return
    slots, resources = made.slots, made.resources
    assert asked in (None, slots)
    for crowded in nodes:  # all slots on one machine is the worst that can be
        taken = min(crowded.cpus, slots * made.slot_resources["cpu"])
        left = [dataclasses.replace(node, cpus=node.cpus - taken * (node is crowded)) for node in nodes]
        assert most_placed(left, resources.cpus_per_worker, resources.gpus_per_worker) >= slots * workers
    assert most_placed(nodes, resources.threads + 1.0, resources.gpus_per_worker) < slots * workers
    if asked is None and slots < 6:
        assert most_placed(nodes, 1.0, share) < (slots + 1) * workers
    if made.slots_per_gpu > 1:
        less = 10_000 // (made.slots_per_gpu - 1) / 10_000
        assert most_placed(nodes, 1.0, less) < slots * workers


def most_placed(nodes, cpus: float, share: float) -> int:
    """The most workers of so many CPUs and such a share of a GPU that can be placed, found by trying all places."""
    worker, part = units(cpus), units(share)

    @cache
    def best(machines: tuple[tuple[int, ...], ...]) -> int:
        """Of machines that have so many CPUs left, and so much of each GPU."""
        found = 0
        for index, (left, *gpus) in enumerate(machines):
            for place in range(len(gpus)) if part else [None]:
                if left < worker or (place is not None and gpus[place] < part):
                    continue
                after = [gpu - part * (device == place) for device, gpu in enumerate(gpus)]
                machine = (left - worker, *sorted(after))
                found = max(found, 1 + best(tuple(sorted((*machines[:index], machine, *machines[index + 1 :])))))
        return found

    return best(tuple(sorted((units(node.cpus), *[units(1.0)] * int(node.gpus)) for node in nodes)))


def units(amount: float) -> int:
    """As Ray counts resources: in ten-thousandths."""
    return round(amount * 10_000)
