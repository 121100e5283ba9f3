"""A teacher as it stands in a recipe, and the route of checkpoints that it gives; its kinds are in `raykd.teachers`."""

import functools
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors.torch import load_file

from raykd.data.dataset import Dataset, DataSpec, load
from raykd.distributed.world import World
from raykd.models.staged import Staged
from raykd.protocols.context import BuildContext
from raykd.protocols.epoch import Epoch
from raykd.protocols.fit import Fit, fit_of
from raykd.protocols.model import ModelSpec, bare
from raykd.space.serialise import fingerprint
from raykd.storage.artifacts import Store
from raykd.storage.atomic import write, write_text
from raykd.storage.retry import retry_while_unavailable
from raykd.storage.tensors import save_safetensors

_LOG = logging.getLogger(__name__)
RECORDS = "route.json"


@runtime_checkable
class TeacherSpec(Protocol):
    """A teacher as it stands in a recipe."""

    @property
    def model(self) -> ModelSpec:
        """The network."""
        ...

    @property
    def num_checkpoints(self) -> int:
        """How many checkpoints its route has, known before it is made."""
        ...

    def check(self, data: DataSpec) -> None:
        """Refuses, before any work starts, a teacher that cannot be had for this data.

        Raises:
            ValueError: it cannot be trained, or is another network's.
            FileNotFoundError: its files are not there.
        """
        ...

    def route(self, context: BuildContext) -> "TeacherRoute":
        """The teacher's route, made now unless the store has it."""
        ...


@dataclass(frozen=True)
class TeacherRoute:
    """A teacher's checkpoints, counted from 1; the last one is the final teacher.

    Args:
        teacher: whose they are.
        folder: where the checkpoints lie.
        dataset: what it teaches, on the device that networks are loaded to.
    """

    teacher: TeacherSpec
    folder: Path
    dataset: Dataset

    @functools.cached_property
    def records(self) -> list[dict[str, Any]]:
        """The epoch and the validation accuracy (0 to 1) of each checkpoint."""
        return read_records(self.folder)

    @functools.cached_property
    def fit(self) -> Fit:
        """How the network is fitted to the data set."""
        return fit_of(self.teacher, self.dataset)

    @property
    def num_checkpoints(self) -> int:
        return len(self.records)

    def weights(self, checkpoint: int) -> dict[str, torch.Tensor]:
        """The state of the plain network at a checkpoint, on the data set's device."""
        return load_file(self._file(checkpoint), device=str(self.dataset.device))

    def network(self, checkpoint: int) -> Staged:
        """The teacher at a checkpoint: in eval mode, without gradients to its parameters."""
        with torch.random.fork_rng(devices=[]):  # the initial weights that are drawn here are not used
            network = self.fit.build(bare(self.teacher.model))
        network.network.load_state_dict(self.weights(checkpoint))
        return network.to(self.dataset.device).requires_grad_(False).eval()

    def digest(self, checkpoint: int) -> str:
        """A hash of a checkpoint's weights, of how the network is cut and how it is fitted to the data set's views and
        classes, to name what is made from its features.
        """
        weights = hashlib.sha256(self._file(checkpoint).read_bytes()).hexdigest()
        return fingerprint({"weights": weights, "model": self.teacher.model} | self.fit.key(self.dataset))

    def _file(self, checkpoint: int) -> Path:
        assert 1 <= checkpoint <= self.num_checkpoints, checkpoint
        return self.folder / checkpoint_name(checkpoint)


def teacher_route(
    teacher: TeacherSpec,
    data: DataSpec,
    store: Store,
    *,
    device: str | torch.device | None = None,
    say: Callable[[str], None] = _LOG.info,
    listen: Callable[[Epoch], None] = lambda epoch: None,
) -> TeacherRoute:
    """The route of a teacher of whatever kind, made now unless the store has it.

    Args:
        say: told in one line what is going on, once an epoch, by when the epoch is kept; the logger `raykd` by default.
        listen: given each epoch as it ends; once more if the training is cut off before it is kept.
    """
    dataset = load(data, World.current(device).device)
    return teacher.route(BuildContext(data=data, dataset=dataset, store=store, say=say, listen=listen))


def write_checkpoint(folder: Path, checkpoint: int, weights: Mapping[str, torch.Tensor]) -> None:
    """Puts a checkpoint into a folder that is to become a route."""
    file = folder / checkpoint_name(checkpoint)
    retry_while_unavailable(lambda: write(file, lambda path: save_safetensors(weights, path)))


def write_records(folder: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Says of each checkpoint its number, its epoch and its validation accuracy."""
    retry_while_unavailable(lambda: write_text(folder / RECORDS, json.dumps(records, indent=1)))


def read_records(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / RECORDS).read_text())


def checkpoint_name(checkpoint: int) -> str:
    return f"checkpoint_{checkpoint:04d}.safetensors"
