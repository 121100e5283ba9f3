"""Files of weights that others wrote: read without running code, told apart by their content, fitted to a network.

Read are safetensors, whole or in pieces with an index, and PyTorch's files (whatever their suffix and age) of a plain
state dict or of a dictionary that holds one or more beside other values: as RepDistiller (`ckpt_epoch_240.pth`: epoch,
model, accuracy, optimizer), mdistiller (`student_best`, and `latest`, which holds teacher and student of the whole
run), timm, torchvision's references, Lightning, OpenMMLab and many others write them.
"""

import functools
import hashlib
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raykd.errors import InvalidError, MissingError
from raykd.models.state_dicts import choose
from raykd.models.tensor_names import fitted, unwrapped
from raykd.models.weight_files import files_of, read_file

_LOG = logging.getLogger(__name__)
_ACCURACIES = ("accuracy", "best_acc", "acc")
_NARROW = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Weights:
    """What a file holds.

    Args:
        state: the network's parameters and buffers, on the CPU; half precision is made float32.
        epoch: after which they were saved, where the file says so.
        accuracy: as the file says it, if it does: a share or percent, so up to 1 it may be either.
        key: under which the weights lie in the file; empty where the file is nothing else.
        passed_over: keys of the plain or averaged weights that nobody asked for, and that might have been meant.
    """

    state: dict[str, Tensor]
    epoch: int | None = None
    accuracy: float | None = None
    key: str = ""
    passed_over: tuple[str, ...] = ()


def read_weights(file: str | Path, key: str | None = None) -> Weights:
    """The weights in a file, by their names without those of wrappers, such as DataParallel's `module.`.

    Where a file has both averaged weights (EMA, SWA) and plain ones, and nobody chose, a warning of the logger says
    once which were taken.

    Args:
        key: which of the file's state dicts, such as `model_ema`; None for the one that its maker would evaluate.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it would need code to be run, is torn, or holds no weights.
    """
    path = find(file)
    content = read_file(path)
    try:
        chosen = choose(content, key)
    except (InvalidError, RecursionError) as error:
        raise InvalidError(f"{path} {error}") from None
    if chosen.passed_over:
        both = f"{path} holds {chosen.key} and {', '.join(chosen.passed_over)}"
        _warn_once(f"{both}; {chosen.key} is taken, and a teacher's `key` chooses another")
    told = content if chosen.key and isinstance(content, Mapping) else {}
    epoch = _number(told.get("epoch"))
    return Weights(
        state={name: _widened(value) for name, value in unwrapped(chosen.state).items()},
        epoch=None if epoch is None else int(epoch),
        accuracy=_number(next((told[name] for name in _ACCURACIES if name in told), None)),
        key=chosen.key,
        passed_over=chosen.passed_over,
    )


def share(told: float, measured: float, num_classes: int) -> float | None:
    """An accuracy of a file as a share, 0 to 1, in the light of what was measured.

    Above 1 it is percent. Up to 1 it is a share, or percent where that is still above chance; then the one that is
    nearer to what was measured.

    Args:
        told: what the file says.
        measured: on the validation split, 0 to 1.

    Returns:
        None where it is no accuracy: below 0, above 100.
    """
    if not 0 <= told <= 100:
        return None
    readings = [told] if told <= 1 else []
    if told > 1 or told / 100 > 1 / num_classes:
        readings.append(told / 100)
    return min(readings, key=lambda reading: abs(reading - measured))


def load_weights(network: nn.Module, state: Mapping[str, Tensor], file: str | Path, name: str) -> None:
    """Puts a file's weights into a network, in place.

    Args:
        state: names as the network's, or such as `raykd.models.tensor_names.fitted` makes the network's of.
        name: of the network, for the message.

    Raises:
        ValueError: they are another network's, with what is missing, unexpected or of another shape.
    """
    own = network.state_dict()
    state = fitted(state, own)
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
    """The SHA-256 of a file, and of those that it names as an index; read again only when size or time has changed."""
    digests = []
    for path in files_of(find(file)):
        seen = path.stat()
        digests.append(_digest(path, seen.st_size, seen.st_mtime_ns))
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def anchored(file: str) -> str:
    """The path from the root on, since workers have other working folders; `~` stays each machine's home folder."""
    return file if file.startswith("~") else str(Path(file).absolute())


def find(file: str | Path) -> Path:
    """The path of a file that is there, `~` being the home folder.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is a folder.
    """
    path = Path(file).expanduser()
    if path.is_dir():
        held = ", ".join(sorted(each.name for each in path.iterdir())[:5]) or "nothing"
        raise InvalidError(f"{str(file)!r} is a folder; name the file of weights in it, which holds {held}")
    if not path.is_file():
        raise MissingError(f"no file of weights {str(file)!r}")
    return path.absolute()


@functools.lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _warn_once(line: str) -> None:
    _LOG.warning(line)


def _widened(value: Tensor) -> Tensor:
    return value.float() if value.dtype in _NARROW else value


def _number(value: Any) -> float | None:
    """A finite number out of a Python number or a tensor of one element."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _sizes(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "a number"


def _shortened(names: Iterable[str], shown: int = 2) -> str:
    names = list(names)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
