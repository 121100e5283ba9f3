"""A trial on the disk: one folder that holds all that is known of it, and that it goes on from.

`recipe.json` and `values.json` say what it is, `epochs.jsonl` what each epoch gave, `checkpoint.pt` is where it goes
on after a death. The scalars of TensorBoard lie in a folder of the same name under the search's `tensorboard/`.
"""

import dataclasses
import json
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from raykd.distributed.world import World
from raykd.protocols.epoch import Epoch
from raykd.recipe import Recipe
from raykd.reporting.tensorboard import tensorboard
from raykd.runs.ownership import Ownership
from raykd.space.serialise import to_text
from raykd.storage.artifacts import Store
from raykd.storage.atomic import append, write_text
from raykd.storage.layout import EPOCHS, RECIPE
from raykd.storage.retry import retry_while_unavailable
from raykd.storage.storage import Storage
from raykd.storage.sync import LocalUploader, Uploader, pushing
from raykd.training.checkpoints import checkpoints, newest_checkpoint, previous
from raykd.training.loop import distill
from raykd.training.state import student_in

CHECKPOINT, VALUES = "checkpoint.pt", "values.json"
ERROR = "error.txt"  # the traceback of a trial that failed
_NOTHING_TO_PUSH = LocalUploader()


def take_up(storage: Storage, folder: Path, board: Path) -> Uploader:
    """Makes a trial's folders on this machine what the storage has of it; gives what pushes all that follows.

    Its checkpoints leave this machine when the trial does, as soon as the storage has them.
    """
    storage.pull(folder)
    storage.pull(board)
    uploader = storage.uploader((folder, "*"), (board, "**/*"), spent=checkpoints_in(folder))
    uploader.skip_present()
    return uploader


def run_trial(
    recipe: Recipe,
    folder: Path,
    board: Path,
    store: Store,
    values: Mapping[str, Any],
    world: World,
    uploader: Uploader = _NOTHING_TO_PUSH,
    ownership: Ownership | None = None,
    command: str = "",
) -> Iterator[Epoch]:
    """The epochs of a trial that are still to be trained, written down by rank 0 as they end.

    Args:
        folder: of the trial; a checkpoint found there is gone on from, one that cannot be read is set aside.
        board: of its TensorBoard run.
        values: the setting that the recipe was made from.
        uploader: pushes the folders to where other machines find them, before an epoch is handed on.
        ownership: of rank 0 to the trial, where others might take it up too.
        command: as of `written`.
    """
    saved = saved_epoch(folder)
    epochs = distill(recipe, saved["state"] if saved else None, store=store, world=world)
    if world.rank > 0:
        return epochs
    resumed_at = saved["number"] if saved else 0
    size = world.size
    return written(epochs, recipe, folder, board, values, resumed_at, size, uploader, ownership, command=command)


def written(
    epochs: Iterator[Epoch],
    recipe: Recipe,
    folder: Path,
    board: Path,
    values: Mapping[str, Any],
    resumed_at: int,
    workers: int,
    uploader: Uploader = _NOTHING_TO_PUSH,
    ownership: Ownership | None = None,
    columns: Mapping[str, Any] | None = None,
    command: str = "",
) -> Generator[Epoch, None, None]:
    """Hands the epochs of a trial on, each when it is written down; called on rank 0 alone.

    Args:
        resumed_at: epochs finished before.
        workers: that train the trial.
        columns: what stands of the trial in TensorBoard's table; the setting by default.
        command: that trains the recipe once more, for TensorBoard; nothing where it is not known.
        recipe, folder, board, values, uploader, ownership: as of `run_trial`.
    """
    if ownership is not None:
        epochs = ownership.guarded(epochs)
    folder.parent.mkdir(exist_ok=True)
    write_text(folder / RECIPE, to_text(recipe))
    write_text(folder / VALUES, json.dumps(dict(values), indent=2) + "\n")
    # The checkpoint comes last: what the others hold of an epoch that it lacks is dropped when the trial goes on.
    weights = {term.name: term.weight for term in recipe.active_terms}
    lines = _log(epochs, folder / EPOCHS, resumed_at, workers)
    texts = {"recipe": f"```json\n{to_text(recipe)}```"} | ({"command": f"`{command}`"} if command else {})
    logged = tensorboard(lines, board, columns or values, resumed_at, weights=weights, texts=texts)
    kept = checkpoints(logged, folder / CHECKPOINT)
    return pushing(kept, uploader)


def saved_epoch(folder: Path) -> dict[str, Any] | None:
    """The last epoch kept in a trial's folder: its `number`, `metrics` and `state`; None where there is none.

    A checkpoint that cannot be read is set aside, and the one before it counts.
    """
    return newest_checkpoint(folder / CHECKPOINT)


def checkpoints_in(folder: Path) -> tuple[Path, Path]:
    """Where a trial's last checkpoint lies, and the one before it."""
    return folder / CHECKPOINT, previous(folder / CHECKPOINT)


def student_weights(folder: Path) -> dict[str, Tensor]:
    """The weights of a trial's plain student network after its last kept epoch, of which there must be one."""
    saved = saved_epoch(folder)
    assert saved is not None, folder
    return {name: value.contiguous() for name, value in student_in(saved["state"]).items()}


def read_epochs(folder: Path) -> list[dict[str, Any]]:
    """What each finished epoch of a trial gave, one dictionary an epoch, in order."""
    try:
        lines = (folder / EPOCHS).read_text().splitlines()
    except FileNotFoundError:
        return []
    by_number = {record["number"]: record for record in map(json.loads, filter(_is_whole, lines))}
    return [by_number[number] for number in sorted(by_number)]


def _log(epochs: Iterator[Epoch], file: Path, resumed_at: int, workers: int) -> Iterator[Epoch]:
    """Appends each epoch to a file of one JSON object a line; what stands there of epochs to come is dropped."""
    kept = [record for record in read_epochs(file.parent) if record["number"] <= resumed_at]
    write_text(file, "".join(json.dumps(record) + "\n" for record in kept))
    for epoch in epochs:
        record = {"number": epoch.number, "seconds": epoch.seconds, "workers": workers, "diverged": epoch.diverged}
        record |= epoch.metrics
        if epoch.ratios:
            record["ratios"] = [dataclasses.asdict(ratio) for ratio in epoch.ratios]
        line = (json.dumps(record) + "\n").encode()
        retry_while_unavailable(lambda line=line: append(file, line))
        yield epoch


def _is_whole(line: str) -> bool:
    return line.endswith("}")
