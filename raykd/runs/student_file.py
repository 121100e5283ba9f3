"""The file of a student: its weights as safetensors, and in their metadata all that using it takes.

    {"raykd": {"format": 1, "model": ..., "classes": [...], "preparation": ..., "recipe": ..., "versions": ...,
               "accuracy": {"validation": 0.95, "test": 0.94}, "verdict": "winner: ..."}}

Everything is JSON, so that a stranger's file runs no code: networks are looked up among raykd's own and the classes
that the reader passes. `safetensors.torch.load_file` reads the weights as those of any other file.
"""

import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from raykd.data.dataset import load
from raykd.data.preparation import Preparation
from raykd.errors import InvalidError, MissingError
from raykd.protocols.event import METRIC
from raykd.protocols.model import bare
from raykd.recipe import Recipe
from raykd.runs.standalone import Student
from raykd.space.serialise import decode, encode
from raykd.storage.atomic import write
from raykd.storage.tensors import save_safetensors

STUDENT = "student.safetensors"  # in the folder of a search or a run
_KEY, _FORMAT = "raykd", 1


def facts(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What a student's file says of how good it is, by the summary of its search or run."""
    accuracy = {"validation": summary["metrics"][METRIC], "test": summary["test_accuracy"]}
    return {"accuracy": accuracy, "verdict": summary.get("verdict"), "confirmed": summary.get("confirmed")}


def save_student(path: Path, weights: Mapping[str, Tensor], recipe: Recipe, known: Mapping[str, Any]) -> None:
    """Writes a student's file.

    Args:
        weights: of the plain network.
        recipe: that it was trained by.
        known: of how good it is, see `facts`.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    dataset = load(recipe.data, torch.device("cpu"))
    content = {
        "format": _FORMAT,
        "model": encode(recipe.student),
        "classes": list(dataset.classes or map(str, range(dataset.num_classes))),
        "preparation": encode(Preparation.of(dataset)),
        "recipe": encode(recipe),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ("raykd", "torch")},
        **known,
    }
    metadata = {_KEY: json.dumps(content)}
    write(path, lambda file: save_safetensors(weights, file, metadata))


def load_student(path: str | Path, types: Iterable[type] = ()) -> Student:
    """A student from its file, in eval mode on the CPU; neither the data set nor the search's folder is needed.

    Args:
        path: of the file, or of the folder that has it as `student.safetensors`.
        types: dataclasses beside raykd's own that stand in it, such as a network of one's own.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no student of raykd's, or names a class that is neither raykd's nor among `types`.
    """
    file = Path(path).expanduser()
    file = file / STUDENT if file.is_dir() else file
    weights, content = _read(file)
    try:
        model, preparation = decode(content["model"], types), decode(content["preparation"])
        staged = bare(model).build(len(content["classes"]), preparation.shape)
        staged.network.load_state_dict(weights)
    except (KeyError, TypeError, RuntimeError) as error:
        raise InvalidError(f"{file} does not say how to use its weights ({type(error).__name__})") from None
    classes, facts = content.pop("classes"), content
    return Student(staged, model, preparation, classes, facts).eval()


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not file.exists():
        raise MissingError(f"no student {file}; name a student.safetensors, or a folder that has one")
    try:
        with safe_open(file, framework="pt", device="cpu") as there:
            metadata = there.metadata() or {}
            weights: dict[str, Tensor] = {name: there.get_tensor(name) for name in there.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InvalidError(f"{file} is torn, or no file of safetensors ({type(error).__name__})") from None
    if _KEY not in metadata:
        raise InvalidError(f"{file} has weights alone, not how they are used: an older raykd wrote it, or no raykd")
    content = json.loads(metadata[_KEY])
    if content.get("format") != _FORMAT:
        raise InvalidError(f"{file} has format {content.get('format')}, and this raykd reads {_FORMAT}")
    return weights, content
