"""What optimisers and schedules promise: rates that are finite and not negative, steps that move every parameter."""

import dataclasses
import math

import torch
from torch import nn

from raykd.optim import Optimiser, Schedule
from raykd.recipe import Recipe
from raykd.testing.promises import check_value, promise, promised
from raykd.testing.tiny_run import TINY, check_run, scratch

_EPOCHS = (1, 2, 7, 240)
_STEPS = 5  # of an epoch


def check_schedule(schedule: Schedule) -> None:
    """Checks that a schedule keeps its promises, over runs of 1, 2, 7 and 240 epochs.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(schedule, Schedule)
    for epochs in _EPOCHS:
        for step in range(epochs * _STEPS):
            epoch = step / _STEPS
            with promised(schedule, f"its factor at epoch {epoch} of {epochs}"):
                factor, again = (schedule.factor(epoch, epochs) for _ in range(2))
            sound = math.isfinite(factor) and factor >= 0
            rule = f"its factor must be finite and at least 0, got {factor} at epoch {epoch} of {epochs}"
            promise(sound, schedule, rule)
            promise(factor == again, schedule, f"its factor at epoch {epoch} of {epochs} is {factor}, and then {again}")
        with promised(schedule, f"its drops in {epochs} epochs"):
            drops = schedule.drops(epochs)
        rising = all(isinstance(drop, int) and 0 <= drop <= epochs for drop in drops) and drops == tuple(sorted(drops))
        promise(rising, schedule, f"its drops must be rising epochs, 0 to {epochs}, in a tuple, got {drops!r}")


def check_optimiser(optimiser: Optimiser, recipe: Recipe = TINY) -> None:
    """Checks that an optimiser, and the schedule that it has, keep their promises.

    Args:
        recipe: the run to try it in.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(optimiser, Optimiser)
    rate = optimiser.lr
    promise(math.isfinite(rate) and rate > 0, optimiser, f"its learning rate must be above 0, got {rate}")
    check_schedule(optimiser.schedule)
    network = nn.Linear(3, 2)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    with promised(optimiser, "building it and taking a step"):
        built = optimiser.build(network.parameters())
        network(torch.ones(4, 3)).square().sum().backward()
        built.step()
    moved = [not torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True)]
    promise(all(moved), optimiser, "a step does not move every parameter that it was given")
    rates = {group["lr"] for group in built.param_groups}
    promise(rates == {rate}, optimiser, f"it is built with the learning rates {sorted(rates)}, and says {rate}")
    with scratch() as store:
        check_run(optimiser, dataclasses.replace(recipe, optimiser=optimiser), store)
