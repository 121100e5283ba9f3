"""A trial that is measured: written down as any other, while a recorder takes down where its time goes.

On the recorder's outer level one lap follows the other: `epoch`, as long as the loop has it; `writing`, until
`epochs.jsonl`, TensorBoard and the checkpoint have it too; `waiting`, until the next epoch is asked for, which counts
with that next one.
"""

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from raykd.distributed.world import World
from raykd.protocols.epoch import Epoch
from raykd.recipe import Recipe
from raykd.reporting.recorder import Recorder
from raykd.runs.trial import written
from raykd.storage.artifacts import Store
from raykd.storage.layout import BOARD
from raykd.training.loop import distill

EPOCH, WRITING, WAITING = "epoch", "writing", "waiting"


def profiled_trial(
    recipe: Recipe, folder: Path, store: Store, values: Mapping[str, Any], world: World, recorder: Recorder
) -> Generator[Epoch, None, None]:
    """The epochs of a trial, from its first, on this process alone.

    Args:
        folder: of the trial, empty or not there.
        values: the setting that the recipe was made from.
    """
    epochs = _laps(distill(recipe, store=store, world=world, span=recorder), recorder)
    recorder.epoch = 1
    for epoch in written(epochs, recipe, folder, folder / BOARD, values, resumed_at=0, workers=1):
        recorder.end(WRITING)
        recorder.epoch += 1
        recorder.begin()
        yield epoch
        recorder.end(WAITING)


def _laps(epochs: Iterator[Epoch], recorder: Recorder) -> Iterator[Epoch]:
    """The epochs as the loop gives them; what is done with one is written until it comes back for another."""
    while True:
        with recorder(EPOCH):
            epoch = next(epochs, None)
        if epoch is None:
            return
        recorder.begin()
        yield epoch
