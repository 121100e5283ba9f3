"""Files of weights that others wrote: read without running code, told apart by their content, fitted to a network.

Read are safetensors, and PyTorch's files (whatever their suffix) of a plain state dict or of a dictionary that holds
one beside other values, as RepDistiller (`ckpt_epoch_240.pth`: epoch, model, accuracy, optimizer), mdistiller
(`student_best`, and `latest`, which holds teacher and student of the whole run) and many others write them. Their
optimisers hold NumPy numbers, so these are read as well; whatever else would need code refuses the file.
"""

import functools
import hashlib
import pickle
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from raykd.errors import InvalidError, MissingError
from raykd.storage.tensors import load_torch

_HOLDERS = ("model", "state_dict", "model_state_dict", "net")
_ACCURACIES = ("accuracy", "best_acc", "acc")
_SCALAR: Any = np._core.multiarray.scalar  # pyright: ignore[reportAttributeAccessIssue]
_NUMBERS: list[Any] = [
    (_SCALAR, "numpy.core.multiarray.scalar"),  # NumPy before 2
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int32, np.int64, np.bool_)),
]


@dataclass(frozen=True)
class Weights:
    """What a file holds.

    Args:
        state: the network's parameters and buffers, on the CPU.
        epoch: after which they were saved, where the file says so.
        accuracy: 0 to 1, where the file says so; numbers above 1 are taken for percent.
    """

    state: dict[str, Tensor]
    epoch: int | None = None
    accuracy: float | None = None


def read_weights(file: str | Path) -> Weights:
    """The weights in a file; `module.` of DataParallel is taken off their names.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it would need code to be run, is torn, or holds no weights.
    """
    path = find(file)
    content = _load_safetensors(path) if path.suffix == ".safetensors" else _load(path)
    if not isinstance(content, Mapping):
        raise InvalidError(f"{path} must hold a state dict, got {type(content).__name__}")
    state = content if _is_state(content) else next((content[key] for key in _HOLDERS if key in content), None)
    if not isinstance(state, Mapping) or not _is_state(state):
        keys = ", ".join(map(str, list(content)[:5])) or "nothing"
        raise InvalidError(f"{path} must hold a state dict, by itself or under {', '.join(_HOLDERS)}; it holds {keys}")
    told = {} if state is content else content
    accuracy = _number(next((told[key] for key in _ACCURACIES if key in told), None))
    epoch = _number(told.get("epoch"))
    return Weights(
        state=_students(_without(state, "module.")),
        epoch=None if epoch is None else int(epoch),
        accuracy=accuracy / 100 if accuracy is not None and accuracy > 1 else accuracy,
    )


def load_weights(network: nn.Module, state: Mapping[str, Tensor], file: str | Path, name: str) -> None:
    """Puts a file's weights into a network, in place.

    Args:
        name: of the network, for the message.

    Raises:
        ValueError: they are another network's, with what is missing, unexpected or of another shape.
    """
    own = network.state_dict()
    shapes = [
        f"{key} is {_sizes(value)}, not {_sizes(own[key])}"
        for key, value in state.items()
        if key in own and value.shape != own[key].shape
    ]
    fitting = {key: value for key, value in state.items() if key not in own or value.shape == own[key].shape}
    # The network's own loading also takes the older names of files, which a comparison of names would refuse.
    found = network.load_state_dict(fitting, strict=False)
    missing = [key for key in found.missing_keys if key not in state]
    unexpected = found.unexpected_keys
    faults = (("missing ", missing), ("unexpected ", unexpected), ("", shapes))
    if said := [f"{word}{_shortened(names)}" for word, names in faults if names]:
        raise InvalidError(f"{file} does not hold the weights of this {name}: {'; '.join(said)}")


def content(file: str | Path) -> str:
    """The SHA-256 of a file; read again only when its size or time has changed."""
    path = find(file)
    seen = path.stat()
    return _digest(path, seen.st_size, seen.st_mtime_ns)


def anchored(file: str) -> str:
    """The path from the root on, since workers have other working folders; `~` stays each machine's home folder."""
    return file if file.startswith("~") else str(Path(file).absolute())


def find(file: str | Path) -> Path:
    """The path of a file that is there, `~` being the home folder."""
    path = Path(file).expanduser()
    if not path.is_file():
        raise MissingError(f"no file of weights {str(file)!r}")
    return path.absolute()


@functools.lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise InvalidError(f"{path} is no whole file of weights: {error}") from None


def _load(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            return load_torch(path)
    except pickle.UnpicklingError as error:
        needed = re.search(r"GLOBAL (\S+)", str(error))
        what = f"needs {needed.group(1)}" if needed else "holds something else"
        raise InvalidError(
            f"{path} holds more than tensors, and is not read: it {what}; save a state_dict() instead"
        ) from None
    except (RuntimeError, EOFError, ValueError):
        raise InvalidError(f"{path} is no whole file of weights") from None


def _is_state(values: Mapping[Any, Any]) -> bool:
    return bool(values) and all(isinstance(value, Tensor) for value in values.values())


def _without(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    if not all(name.startswith(prefix) for name in state):
        return dict(state)
    return {name.removeprefix(prefix): value for name, value in state.items()}


def _students(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of the modules of a whole run of mdistiller, those of the student, which is what the run has made."""
    own = {name: value for name, value in state.items() if name.startswith("student.")}
    return _without(own, "student.") or state


def _number(value: Any) -> float | None:
    """A number out of a Python number, a NumPy number or a tensor of one element."""
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.numel() == 1):
        value = value.item()
    return float(value) if isinstance(value, int | float) else None


def _sizes(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "a number"


def _shortened(names: Iterable[str], shown: int = 2) -> str:
    names = list(names)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
