"""The loop: `distill(recipe)` is a generator that yields after each epoch and knows nobody who listens.

The order of the data, its views, the swapped stages and the learning rate are functions of the seed, the epoch
and the step, so that a run repeats bit for bit and a resumed one goes on as if nothing had happened.

Over several processes each takes its share of every batch. The result equals that of one process up to the order
of floating-point sums where no layer looks across a batch; batch normalisation does (it sees a rank's share
alone, as is usual with DDP), and so does any term that says so.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from raykd.distributed import gather
from raykd.distributed.world import World
from raykd.ops.rng import seed_of
from raykd.ops.threads import computing_threads
from raykd.protocols.epoch import Epoch, State
from raykd.protocols.span import Span, no_span
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.training.run import Run

_LOG = logging.getLogger(__name__)
DEFAULT_STORE = Path("runs/artifacts")


def distill(
    recipe: Recipe,
    resume: State | None = None,
    *,
    store: Store | None = None,
    device: str | torch.device | None = None,
    world: World | None = None,
    say: Callable[[str], None] = _LOG.info,
    span: Span = no_span,
    look: Callable[[], None] = lambda: None,
) -> Iterator[Epoch]:
    """Trains a student by a recipe, epoch by epoch.

    Args:
        resume: the state of an earlier epoch of the same recipe, to go on after it.
        store: where the teacher's route and other artefacts are kept; `runs/artifacts` by default.
        device: where to compute; by default the GPU where there is one.
        world: the process's place among others; by default that of `torch.distributed`.
        say: told in one line of anything long that happens before the first epoch; the logger `raykd` by default.
        span: opened around each part of an epoch, for whoever measures; see `raykd.protocols.span`.
        look: called before each step, and before an epoch's validation; what it raises ends the run there.

    Raises:
        ValueError: the recipe cannot work; see `Recipe.check`.
    """
    world = world or World.current(device)
    recipe.check(world.size)
    with span("start"), computing_threads(recipe.threads, world.device):
        run = Run(recipe, store or Store(DEFAULT_STORE), world, say, span)
        if resume is not None:
            run.load(resume)
    for epoch in range(run.finished, recipe.epochs):
        begun = time.perf_counter()
        with computing_threads(recipe.threads, world.device):
            metrics, (validated, loss) = _epoch(run, epoch, look)
        diverged = math.isnan(validated)  # the loss was finite, but the last updates may have left no scores that are
        metrics |= {"val/accuracy": 0.0 if diverged else validated, "val/loss": loss}
        run.finished = epoch + 1
        seconds = time.perf_counter() - begun
        ratios = run.anchors.ratios_of(epoch)
        yield Epoch(epoch + 1, recipe.epochs, metrics, seconds, run.state, run.student_weights, diverged, ratios)
        if diverged:
            return


def _epoch(run: Run, epoch: int, look: Callable[[], None]) -> tuple[dict[str, float], tuple[float, float]]:
    """Trains for an epoch and validates; NaN where that is in vain."""
    recipe, world, span = run.recipe, run.world, run.span
    with span("route"):
        run.advance(epoch)
    with torch.random.fork_rng(devices=[world.device] if world.device.type == "cuda" else []), gather.among(world):
        torch.manual_seed(seed_of("epoch", recipe.seed, epoch, world.rank))
        metrics = run.train(epoch, look)
    look()
    with span("validation"):
        return metrics, run.validate() if math.isfinite(metrics["train/loss"]) else (math.nan, math.nan)


def prepare(recipe: Recipe, store: Store, world: World, say: Callable[[str], None]) -> str:
    """Makes what the store lacks for a recipe: the teacher's route, and what the terms make of its final teacher.

    Returns:
        In a line whether what the teacher says is kept; nothing where the terms do not state what they read.
    """
    with computing_threads(recipe.threads, world.device):
        run = Run(recipe, store, world, say)
        if run.anchors.checkpoints is not None:
            run.follow(run.anchors.checkpoints.num_checkpoints)
    return run.teacher.told
