"""Learning rates against numbers worked out by hand."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from raykd.optim import SGD, Adam, Constant, Cosine, Optimiser, Schedule, Step


@pytest.mark.parametrize(
    ("epoch", "factor"),
    [
        (0.0, 1.0),
        (149.0, 1.0),
        (149.99, 1.0),
        (150.0, 0.1),
        (179.5, 0.1),
        (180.0, 0.01),
        (210.0, 0.001),
        (239.9, 0.001),
    ],
)
def test_the_reference_benchmarks_steps(epoch: float, factor: float):
    assert Step().factor(epoch, 240) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("epochs", "drops"), [(240, (150, 180, 210)), (100, (62, 75, 88)), (24, (15, 18, 21)), (8, (5, 6, 7))]
)
def test_steps_keep_their_share_of_shorter_runs(epochs: int, drops: tuple[int, ...]):
    assert Step().drops(epochs) == drops


def test_the_rate_drops_at_the_drops():
    schedule = Step(milestones=(0.3, 0.6), decay=0.5)
    assert schedule.drops(10) == (3, 6)
    assert [schedule.factor(float(epoch), 10) for epoch in range(10)] == [
        1,
        1,
        1,
        0.5,
        0.5,
        0.5,
        0.25,
        0.25,
        0.25,
        0.25,
    ]


def test_cosine():
    factors = [Cosine().factor(epoch, 12) for epoch in (0.0, 4.0, 6.0, 8.0, 12.0)]
    assert factors == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0])
    assert Cosine().drops(12) == ()


def test_warm_up():
    schedule = Cosine(warm_up=0.2)
    # Two of ten epochs rise linearly; the cosine's half lies in the middle of the other eight.
    assert [schedule.factor(epoch, 10) for epoch in (0.0, 0.5, 1.0, 2.0, 6.0, 10.0)] == pytest.approx(
        [0, 0.25, 0.5, 1, 0.5, 0]
    )


def test_constant():
    assert [Constant().factor(epoch, 3) for epoch in (0.0, 1.5, 3.0)] == [1.0] * 3
    assert Constant().drops(3) == ()


@pytest.mark.parametrize("schedule", [Step(), Cosine(), Cosine(warm_up=0.5), Constant()])
def test_every_schedule_stays_within_nothing_and_the_base_rate(schedule: Any):
    assert isinstance(schedule, Schedule)
    assert all(0.0 <= schedule.factor(epoch / 7, 5) <= 1.0 for epoch in range(36))


@pytest.mark.parametrize("spec", [SGD(), SGD(nesterov=True), Adam()])
def test_builds_what_it_says(spec: Any):
    kinds: Any = Optimiser
    assert isinstance(spec, kinds)
    linear = nn.Linear(2, 1)
    optimiser = spec.build(linear.parameters())
    (group,) = optimiser.param_groups
    assert len(group["params"]) == 2
    assert (group["lr"], group["weight_decay"]) == (spec.lr, spec.weight_decay)
    if isinstance(spec, SGD):
        assert (group["momentum"], group["nesterov"]) == (0.9, spec.nesterov)


def test_one_step_by_hand():
    """Weight decay 0.5 adds 0.5 * 2 to the gradient of 3; the rate is 0.1."""
    weight = nn.Parameter(torch.tensor([2.0]))
    optimiser = SGD(lr=0.1, momentum=0.0, weight_decay=0.5).build([weight])
    (3 * weight).sum().backward()
    optimiser.step()
    assert weight.item() == pytest.approx(2.0 - 0.1 * (3.0 + 1.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(lr=0.0), "the learning rate must be above 0, got 0.0"),
        (lambda: SGD(lr=math.inf), "the learning rate must be above 0, got inf"),
        (lambda: Adam(lr=-1.0), "the learning rate must be above 0, got -1.0"),
        (lambda: Step(milestones=(0.5, 1.0)), r"milestones are shares of the run between 0 and 1, got \(0.5, 1.0\)"),
        (lambda: Cosine(warm_up=1.0), "warm_up is a share of the run, at least 0 and below 1, got 1.0"),
    ],
)
def test_refuses(make: Any, message: str):
    with pytest.raises(ValueError, match=message):
        make()
