"""Reads files of weights by what they are, not by their suffix: PyTorch's, safetensors, and those in several pieces.

An index of pieces is JSON as Hugging Face's libraries write it, `{"weight_map": {NAME: FILE, ...}}`, with its files of
safetensors or of PyTorch beside it. Nothing is run; what each error says is one line, with what the file is and what to
do.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load

from raykd.errors import InvalidError, MissingError
from raykd.storage.torch_file import read_torch

_INDEX = ".json"
# What is known by its first bytes, or those from a place on, and read by nobody here.
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", "is Git LFS's pointer to a file; fetch the file by `git lfs pull`"),
    (0, b"\x89HDF", "is an HDF5 file, such as Keras writes; PyTorch's and safetensors are read"),
    (0, b"\x93NUMPY", "is a single NumPy array; save a network's state_dict()"),
    (0, b"\x1f\x8b", "is compressed by gzip; unpack it first"),
    (0, b"<", "is a page of HTML or XML, as a refused download leaves; get the file again"),
    (257, b"ustar", "is a tar archive; unpack it, or save a state_dict() if it is PyTorch's from before 0.1.11"),
)


def read_file(path: Path) -> Any:
    """What a file holds: tensors by their names, or whatever has them in it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is torn, would run code, or is something else.
    """
    if path.name.endswith(_INDEX):
        return _read_pieces(path)
    data = path.read_bytes()
    for place, start, what in _FOREIGN:
        if data[place:].startswith(start):
            raise InvalidError(f"{path} {what}")
    try:
        return load(data) if _is_safetensors(data) else read_torch(data)
    except InvalidError as error:
        raise InvalidError(f"{path} {error}") from None
    except SafetensorError as error:
        raise InvalidError(f"{path} is no whole file of weights: {error}") from None
    except Exception:  # of many kinds, by what is torn where
        raise InvalidError(f"{path} is no whole file of weights: it ends early, or something else wrote it") from None


def files_of(path: Path) -> list[Path]:
    """A file of weights, and with an index the pieces that it names.

    Raises:
        FileNotFoundError: a piece is not there.
        ValueError: it is no index.
    """
    return [path, *_pieces(path)] if path.name.endswith(_INDEX) else [path]


def _pieces(path: Path) -> list[Path]:
    try:
        places = json.loads(path.read_bytes())["weight_map"]
        names = sorted(set(places.values()))
        if not all(isinstance(name, str) and name == Path(name).name for name in names):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidError(f"{path} is no index of weights: it needs {{'weight_map': {{NAME: FILE}}}}") from None
    if missing := [name for name in names if not (path.parent / name).is_file()]:
        raise MissingError(f"{path} names {len(names)} files, of which {', '.join(missing[:3])} is not beside it")
    return [path.parent / name for name in names]


def _read_pieces(path: Path) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for piece in _pieces(path):
        found = read_file(piece)
        if not isinstance(found, Mapping):
            raise InvalidError(f"{piece} must hold tensors by their names, got a {type(found).__name__}")
        whole |= found
    if lacking := sorted(set(json.loads(path.read_bytes())["weight_map"]) - set(whole)):
        raise InvalidError(f"{path} names {lacking[0]}, which its files lack; one of them is of another save")
    return whole


def _is_safetensors(data: bytes) -> bool:
    """Its header's length as 8 bytes, and the header, which is JSON."""
    return data[8:9] == b"{"
