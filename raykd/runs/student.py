"""The student that a folder of raykd holds: a search's winner, a run's, or a trial's after its last kept epoch."""

import difflib
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
from raykd.errors import InvalidError, MissingError, nearest
from raykd.models.staged import Staged
from raykd.recipe import Recipe
from raykd.runs.remote_search import bring
from raykd.runs.result import BEST_RECIPE, STUDENT, SUMMARY
from raykd.runs.trial import CHECKPOINT, RECIPE, read_epochs, student_weights
from raykd.space.serialise import from_file
from raykd.storage.layout import SEARCH, is_plain
from raykd.storage.mirror import Mirror, locate_storage
from raykd.storage.sync import pull
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
        student: Staged = self.recipe.student.build(dataset.num_classes, dataset.image_shape)
        try:
            student.network.load_state_dict(self.weights)
        except RuntimeError:  # many lines, one for each parameter
            raise InvalidError(f"the weights of {self.whose} do not fit the network of its recipe") from None
        return student.to(device).eval()


def find(folder: str | None, storage: str) -> Path:
    """The folder that was meant: as typed, or else by its name in the storage.

    Raises:
        ValueError: none was typed.
        FileNotFoundError: there is no such folder.
    """
    there = Path(storage).expanduser()
    known = sorted({file.parent.name for name in (RECIPE, SUMMARY) for file in there.glob(f"*/{name}")})
    listed = f"in {there} there are {', '.join(known)}" if known else f"in {there} there is none yet"
    if folder is None:
        raise InvalidError(f"needs the folder of a search, run or trial, or its name; {listed}")
    for path in (Path(folder).expanduser(), there / folder):
        if path.is_dir():
            return path
    close = difflib.get_close_matches(Path(folder).name, known, n=1)
    raise MissingError(f"no folder {folder!r}; {f'did you mean {there / close[0]}' if close else listed}")


def find_mirrored(folder: str | None, storage: str) -> tuple[Path, Mirror | None]:
    """The folder that was meant, and its mirror where the storage is on an object store.

    Raises:
        ValueError, FileNotFoundError, PermissionError, ConnectionError: one line on what is wrong.
    """
    root, mirror = locate_storage(storage)
    if folder is not None and "://" in folder:
        raise InvalidError(
            f"on an object store, say --storage and the name there: NAME --storage {shlex.quote(folder)}"
        )
    if mirror is None:
        return find(folder, storage), None
    mirror.check(writes=True)
    if folder is None or not all(is_plain(part) for part in Path(folder).parts):
        raise InvalidError(f"needs the name of a search, run or trial in {mirror.uri}, such as NAME/trials/trial-0003")
    there = root / folder
    if not (names := mirror.files(there)):
        known = mirror.inside(there.parent)
        raise MissingError(f"no {folder!r} in {mirror.uri}; {nearest(there.name, known)}")
    if SEARCH in names:
        bring(mirror, folder)
    else:
        pull(mirror, there)
    return there, mirror


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
        recipe = from_file(file, types)
    except ValueError as error:
        is_foreign = re.search(r"unknown class '(?!raykd\.)\w+\.", str(error)) is not None
        hint = "; --study FILE says where it is defined" if is_foreign else ""
        raise InvalidError(f"{error}{hint}") from None
    if not isinstance(recipe, Recipe):
        raise InvalidError(f"{file} holds no recipe")
    return recipe


def _weights(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except SafetensorError:
        raise InvalidError(f"{file} is torn, or holds no weights") from None


def _a_trial(folder: Path) -> Path:
    trials = sorted((folder / "trials").glob(f"*/{CHECKPOINT}"), key=os.path.getmtime)
    return trials[-1].parent if trials else folder / "trials" / "NAME"
