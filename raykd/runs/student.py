"""The student that a folder of raykd holds: a search's winner, a run's, or a trial's after its last kept epoch."""

import json
import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from raykd.data.dataset import load
from raykd.errors import InvalidError, MissingError
from raykd.models.staged import Staged
from raykd.protocols.model import bare
from raykd.recipe import Recipe
from raykd.runs.remote_search import bring_search
from raykd.runs.result import BEST_RECIPE, SUMMARY
from raykd.runs.student_file import STUDENT
from raykd.runs.trial import CHECKPOINT, RECIPE, read_epochs, student_weights
from raykd.storage.address import check_address, is_address
from raykd.storage.layout import SEARCH
from raykd.storage.opening import open_storage
from raykd.storage.storage import Storage
from raykd.studies.recipe_file import load_recipe
from raykd.training.checkpoints import load_checkpoint


@dataclass(frozen=True)
class Trained:
    """A student that was trained.

    Args:
        whose: it is, in words.
        recipe: that it was trained by.
        weights: of the plain network, on the CPU.
    """

    whose: str
    recipe: Recipe
    weights: dict[str, torch.Tensor]

    def build(self, device: torch.device) -> Staged:
        """The student in eval mode; its `network` is the plain module."""
        dataset = load(self.recipe.data, device)
        student: Staged = bare(self.recipe.student).build(dataset.num_classes, dataset.image_shape)
        try:
            student.network.load_state_dict(self.weights)
        except RuntimeError:  # many lines, one for each parameter
            raise InvalidError(f"the weights of {self.whose} do not fit the network of its recipe") from None
        return student.to(device).eval()


def find(folder: str | None, storage: str) -> tuple[Path, Storage]:
    """The folder that was meant, on this machine: as typed, or else by its name in the storage; and the storage.

    Raises:
        ValueError, FileNotFoundError, PermissionError, ConnectionError: one line on what is wrong.
    """
    opened = open_storage(storage)
    if folder is not None and is_address(folder):
        check_address(folder)
        raise InvalidError(
            f"on an object store, say --storage and the name there: NAME --storage {shlex.quote(folder)}"
        )
    opened.check(writes=True)
    there = opened.find(folder, (RECIPE, SUMMARY))
    if opened.read(there / SEARCH) is not None:
        bring_search(opened, there)
    else:
        opened.pull(there)
    return there, opened


def trained(folder: Path, types: Iterable[type] = ()) -> Trained:
    """The student of a folder.

    Args:
        types: classes of a study's own that may stand in its recipe.

    Raises:
        ValueError, FileNotFoundError: one line on what is missing or cannot be read.
    """
    if (folder / BEST_RECIPE).exists():
        best = json.loads((folder / SUMMARY).read_text())["best"]
        return Trained(f"{best} of {folder}", _recipe(folder / BEST_RECIPE, types), _weights(folder / STUDENT))
    if (folder / "trials").is_dir():
        raise InvalidError(f"no trial of {folder} has finished; name one of its trials, such as {_a_trial(folder)}")
    if not (folder / RECIPE).exists():
        raise MissingError(f"{folder} is no folder of a search, run or trial: it has no {BEST_RECIPE} or {RECIPE}")
    recipe = _recipe(folder / RECIPE, types)
    if (folder / STUDENT).exists():
        return Trained(f"the student of {folder}", recipe, _weights(folder / STUDENT))
    if (saved := load_checkpoint(folder / CHECKPOINT)) is None:
        gone = (
            "the search kept the checkpoints of its best trials alone"
            if read_epochs(folder)
            else "no epoch is finished"
        )
        raise MissingError(f"{folder} has no student: {gone}")
    whose = f"the student of {folder} after {saved['number']} of {recipe.epochs} epochs"
    return Trained(whose, recipe, student_weights(folder))


def _recipe(file: Path, types: Iterable[type]) -> Recipe:
    try:
        return load_recipe(file, types)
    except ValueError as error:
        is_foreign = re.search(r"unknown class '(?!raykd\.)\w+\.", str(error)) is not None
        hint = "; --study FILE says where it is defined" if is_foreign else ""
        raise InvalidError(f"{error}{hint}") from None


def _weights(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except SafetensorError:
        raise InvalidError(f"{file} is torn, or holds no weights") from None


def _a_trial(folder: Path) -> Path:
    trials = sorted((folder / "trials").glob(f"*/{CHECKPOINT}"), key=os.path.getmtime)
    return trials[-1].parent if trials else folder / "trials" / "NAME"
