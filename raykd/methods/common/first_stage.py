"""The loop of a first stage: what is trained on a method's own loss before the recipe's epochs begin.

AB and FSP train the student's stages so, FT a paraphraser, and the information-flow method an auxiliary teacher.
The result is an artefact of whoever calls, made by one process while others wait. A first stage that is
cut off begins again; no number is read back from the device within an epoch.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from raykd.data.dataset import Batch, Dataset
from raykd.errors import FailureError, InvalidError
from raykd.ops.rng import seed_of
from raykd.optim import SGD, Constant, Optimiser
from raykd.protocols.method import Shapes


@dataclass(frozen=True, kw_only=True)
class FirstStage:
    """How long a first stage is, and how it steps; the defaults are the reference benchmark's (RepDistiller).

    Args:
        epochs: passes over the training split.
        batch_size: images of a step, all of them one process's.
        optimiser: with the learning rate and its schedule.
    """

    epochs: int = 30
    batch_size: int = 64
    optimiser: Optimiser = SGD(lr=0.05, schedule=Constant())

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InvalidError(f"{name} must be at least 1, got {getattr(self, name)}")

    def check(self, shapes: Shapes) -> None:
        """Raises ValueError where not even one batch can be filled."""
        if self.batch_size > shapes.num_images:
            raise InvalidError(f"batch_size: {self.batch_size} is more than the {shapes.num_images} training images")


def minimise(
    loss_of: Callable[[Batch], Tensor],
    module: nn.Module,
    stage: FirstStage,
    dataset: Dataset,
    seed: int,
    say: Callable[[str], None] = lambda line: None,
) -> list[float]:
    """Trains a module in place; gives the mean loss of each epoch.

    Args:
        loss_of: the loss of a batch. A parameter that it gives no gradient stays as it is.
        seed: of the data's order.
        say: told in one line how far it is, once an epoch.

    Raises:
        RuntimeError: a loss that is not finite.
    """
    optimiser, schedule = stage.optimiser.build(module.parameters()), stage.optimiser.schedule
    steps = len(dataset.train) // stage.batch_size
    module.train()
    means: list[float] = []
    for epoch in range(stage.epochs):
        losses: list[Tensor] = []
        for step, batch in enumerate(dataset.batches(epoch, seed, stage.batch_size)):
            for group in optimiser.param_groups:
                group["lr"] = stage.optimiser.lr * schedule.factor(epoch + step / steps, stage.epochs)
            loss = loss_of(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        means.append(torch.stack(losses).mean().item())
        if not math.isfinite(means[-1]):
            raise FailureError(f"a first stage diverged in epoch {epoch + 1}; lower its learning rate")
        say(f"epoch {epoch + 1} of {stage.epochs}, loss {means[-1]:.4g}")
    return means


@contextlib.contextmanager
def drawing(device: torch.device, *parts: object) -> Iterator[None]:
    """Within, PyTorch draws from the seed of `parts`; afterwards as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed_of(*parts))
        yield


def training_images(dataset: Dataset) -> list[Any]:
    """What decides the views that training sees, as a part of an artefact's key."""
    return [dataset.digest, dataset.mean, dataset.std, dataset.augmentation, dataset.seed]
