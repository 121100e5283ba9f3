"""Teachers, and the route that a teacher's training took: a checkpoint every few epochs, with its accuracy.

A route is an artefact: trained once, by one process while others wait, and shared by every trial of every
search in the same storage. A teacher whose training is cut off goes on from its last finished epoch.
"""

import functools
import hashlib
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from raykd.artifacts import Store, write, write_text
from raykd.data import Dataset, DataSpec, load
from raykd.epoch import Epoch
from raykd.optimiser import SGD
from raykd.serialise import fingerprint
from raykd.staged import Staged
from raykd.world import World

_MAKER_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """How a teacher is trained, with labels alone.

    Args:
        model: the network.
        epochs: passes over the training split.
        every: a checkpoint is kept after this many epochs, and after the last one.
        optimiser, batch_size, seed: as in a recipe.
    """

    model: Any
    epochs: int = 240
    every: int = 10
    optimiser: Any = SGD()
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "every", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def num_checkpoints(self) -> int:
        return math.ceil(self.epochs / self.every)


@dataclass(frozen=True)
class TeacherRoute:
    """A trained teacher's checkpoints, counted from 1; the last one is the final teacher.

    Args:
        teacher: what was trained.
        folder: where the checkpoints lie.
        dataset: what it was trained on, on the device that networks are loaded to.
    """

    teacher: Teacher
    folder: Path
    dataset: Dataset

    @functools.cached_property
    def records(self) -> list[dict[str, Any]]:
        """The epoch and the validation accuracy (0 to 1) of each checkpoint."""
        return json.loads((self.folder / "route.json").read_text())

    @property
    def num_checkpoints(self) -> int:
        return len(self.records)

    def weights(self, checkpoint: int) -> dict[str, torch.Tensor]:
        """The state of the plain network at a checkpoint, on the data set's device."""
        return load_file(self._file(checkpoint), device=str(self.dataset.device))

    def network(self, checkpoint: int) -> Staged:
        """The teacher at a checkpoint: in eval mode, without gradients to its parameters."""
        with torch.random.fork_rng(devices=[]):  # the initial weights that are drawn here are not used
            network = self.teacher.model.build(self.dataset.num_classes, self.dataset.image_shape)
        network.network.load_state_dict(self.weights(checkpoint))
        return network.to(self.dataset.device).requires_grad_(False).eval()

    def digest(self, checkpoint: int) -> str:
        """A hash of a checkpoint's weights, to name what is made from them."""
        return hashlib.sha256(self._file(checkpoint).read_bytes()).hexdigest()[:32]

    def _file(self, checkpoint: int) -> Path:
        assert 1 <= checkpoint <= self.num_checkpoints, checkpoint
        return self.folder / _checkpoint_name(checkpoint)


def train_teacher(
    teacher: Teacher,
    data: DataSpec,
    store: Store,
    *,
    device: str | torch.device | None = None,
    say: Callable[[str], None] = lambda line: None,
    listen: Callable[[Epoch], None] = lambda epoch: None,
) -> TeacherRoute:
    """The route of a teacher, trained now unless the store has it.

    Args:
        say: told in one line what is going on, once an epoch.
        listen: given each epoch as it ends; once more if the training is cut off before it is kept.
    """
    dataset = load(data, World.current(device).device)
    key = fingerprint({"teacher": teacher, "data": data, "images": dataset.digest, "version": _MAKER_VERSION})
    unfinished = store.root / "unfinished" / f"route-{key}"

    def make(folder: Path) -> None:
        for epoch in _train(teacher, data, store, dataset.device, unfinished, listen):
            accuracy = epoch.metrics["val/accuracy"]
            say(f"teacher: epoch {epoch.number} of {epoch.epochs}, validation accuracy {accuracy:.4f}")
        for name in ("route.json", *map(_checkpoint_name, range(1, teacher.num_checkpoints + 1))):
            shutil.copyfile(unfinished / name, folder / name)

    folder = store.get("route", key, make)
    shutil.rmtree(unfinished, ignore_errors=True)
    return TeacherRoute(teacher, folder, dataset)


def _train(
    teacher: Teacher,
    data: DataSpec,
    store: Store,
    device: torch.device,
    folder: Path,
    listen: "Callable[[Epoch], None]",
):
    """The teacher's epochs, each kept in `folder` before it is yielded; goes on where a cut-off training stopped."""
    from raykd.listeners import checkpoints, load_checkpoint  # the loop needs teachers, hence not above
    from raykd.recipe import Recipe
    from raykd.train import distill

    recipe = Recipe(
        data=data,
        student=teacher.model,
        optimiser=teacher.optimiser,
        epochs=teacher.epochs,
        batch_size=teacher.batch_size,
        seed=teacher.seed,
    )
    records: dict[int, dict[str, Any]] = {}
    if (saved := load_checkpoint(folder / "last.pt")) is not None:
        records = {int(entry["checkpoint"]): entry for entry in _read_records(folder)}
    resume = saved["state"] if saved else None
    epochs = distill(recipe, resume, store=store, world=World.alone(device))
    for epoch in checkpoints(_kept(epochs, teacher, records, folder, listen), folder / "last.pt"):
        if epoch.diverged:
            raise RuntimeError(f"the teacher's training diverged in epoch {epoch.number}; lower its learning rate")
        yield epoch


def _kept(
    epochs,
    teacher: Teacher,
    records: dict[int, dict[str, Any]],
    folder: Path,
    listen: "Callable[[Epoch], None]",
):
    for epoch in epochs:
        listen(epoch)
        if epoch.number % teacher.every == 0 or epoch.number == teacher.epochs:
            number = math.ceil(epoch.number / teacher.every)
            weights = {name: tensor.contiguous() for name, tensor in epoch.student().items()}
            write(folder / _checkpoint_name(number), lambda path, weights=weights: save_file(weights, path))
            accuracy = epoch.metrics["val/accuracy"]
            records[number] = {"checkpoint": number, "epoch": epoch.number, "accuracy": accuracy}
            write_text(folder / "route.json", json.dumps([records[n] for n in sorted(records)], indent=1))
        yield epoch


def _read_records(folder: Path) -> list[dict[str, Any]]:
    try:
        return json.loads((folder / "route.json").read_text())
    except FileNotFoundError:  # cut off before the first checkpoint
        return []


def _checkpoint_name(checkpoint: int) -> str:
    return f"checkpoint_{checkpoint:04d}.safetensors"
