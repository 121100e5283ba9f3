"""The loop of a first stage: its steps, its record, and what it refuses."""

import copy

import pytest
import torch
from torch import nn

from raykd.methods.common.first_stage import FirstStage, drawing, minimise
from raykd.optim import SGD, Step
from raykd.space.ranges import override
from tiny import dataset

PLAIN = SGD(lr=0.5, momentum=0.0, weight_decay=0.0, schedule=Step(milestones=(0.5,)))
STAGE = FirstStage(epochs=4, batch_size=8, optimiser=PLAIN)


class Walker(nn.Module):
    """A number that walks by the learning rate in each step, and one that nothing leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.zeros(()))
        self.idle = nn.Parameter(torch.ones(()))


def test_steps_follow_the_schedule_and_the_record_is_each_epochs_mean():
    walker = Walker()
    said: list[str] = []
    means = minimise(lambda batch: -walker.number, walker, STAGE, dataset(), 0, said.append)
    # 24 images are 3 steps of 0.5 an epoch, and of 0.05 after half of the epochs
    assert walker.number.item() == pytest.approx(2 * 3 * 0.5 + 2 * 3 * 0.05)
    assert means == pytest.approx([-0.5, -2.0, -3.05, -3.2])
    assert said == [f"epoch {epoch} of 4, loss {loss}" for epoch, loss in enumerate((-0.5, -2, -3.05, -3.2), start=1)]


def test_what_the_loss_does_not_reach_stays_weight_decay_or_not():
    walker = Walker()
    stage = FirstStage(epochs=1, batch_size=8, optimiser=SGD(lr=0.5, weight_decay=0.1))
    minimise(lambda batch: -walker.number, walker, stage, dataset(), 0)
    assert walker.idle.item() == 1.0 and walker.number.item() > 0.0


def test_the_order_is_the_seeds():
    orders = []
    for seed in (0, 0, 1):
        seen: list[int] = []
        walker = Walker()

        def loss_of(batch, walker=walker, seen=seen):
            seen.extend(batch.indices.tolist())
            return walker.number

        minimise(loss_of, walker, STAGE, dataset(), seed)
        orders.append(seen)
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(4 * list(range(24)))


def test_the_module_is_in_training_mode():
    walker = Walker().eval()
    minimise(lambda batch: walker.number, walker, STAGE, dataset(), 0)
    assert walker.training


def test_a_loss_that_is_no_number_is_refused():
    walker = Walker()
    with pytest.raises(RuntimeError, match="a first stage diverged in epoch 1; lower its learning rate"):
        minimise(lambda batch: walker.number * float("nan"), walker, STAGE, dataset(), 0)


def test_drawing_depends_on_its_parts_alone_and_leaves_no_trace():
    before = torch.get_rng_state()
    draws = []
    for parts in (("one", 0), ("one", 0), ("one", 1)):
        with drawing(torch.device("cpu"), *parts):
            draws.append(torch.rand(3))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def test_refuses():
    for name in ("epochs", "batch_size"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            override(FirstStage(), {name: 0})


def test_a_first_stage_is_a_value():
    assert copy.deepcopy(STAGE) == STAGE and hash(FirstStage()) == hash(FirstStage())
