"""Reads the pickles of CIFAR's Python version without running what stands in them.

A pickle is a program that may call any function. This reader knows dictionaries, lists, numbers, text, bytes and
arrays of unsigned bytes, and refuses a file that names anything else. Not even NumPy is called on the file's behalf:
stand-ins take the names that an array's pickle uses, and keep its shape and its bytes.
"""

import math
import pickle
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from raykd.errors import InvalidError


def read(path: Path) -> dict[str, Any]:
    """The dictionary in a file, as Python 2 or 3 wrote it; its arrays are tensors of bytes.

    Raises:
        ValueError: the file is torn, or holds something else; it is named.
    """
    try:
        with path.open("rb") as file:
            found = _Reader(file, encoding="bytes").load()
        if not isinstance(found, dict):
            raise InvalidError(f"a {type(found).__name__} where a dictionary should be")
        return {_text(key): value.tensor() if isinstance(value, _Array) else value for key, value in found.items()}
    except PermissionError:
        raise
    except Exception as error:  # a torn pickle ends in almost any of them
        raise InvalidError(
            f"{path}: not a whole file of CIFAR's Python version ({error}); remove it and get it again"
        ) from None


class _Array:
    """Stands in for an array while it is read."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self._shape, self._kind, by_columns, self._content = state
        if by_columns:
            raise InvalidError("an array in column order")

    def tensor(self) -> UInt8[Tensor, "..."]:
        if not isinstance(self._kind, _Kind) or self._kind.name not in ("u1", "uint8"):
            raise InvalidError("an array of other numbers than unsigned bytes")
        if len(self._content) != math.prod(self._shape):
            raise InvalidError(f"{len(self._content)} bytes for an array of shape {self._shape}")
        return torch.frombuffer(bytearray(self._content), dtype=torch.uint8).reshape(self._shape)


class _Kind:
    """Stands in for an array's type."""

    def __init__(self, name: Any, *flags: Any):
        self.name = _text(name)

    def __setstate__(self, state: Any) -> None:
        pass


class _ArrayClass:
    """Stands in for `numpy.ndarray`, which an array's pickle names but need not call."""


def _begin_array(cls: Any, shape: Any, code: Any) -> _Array:
    return _Array()


def _encoded(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them for older versions."""
    if encoding != "latin1":
        raise InvalidError(f"text in the encoding {encoding!r}")
    return text.encode("latin1")


_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _begin_array,
    ("numpy._core.multiarray", "_reconstruct"): _begin_array,
    ("numpy", "ndarray"): _ArrayClass,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encoded,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        found = _KNOWN.get((module_name, global_name))
        if found is None:
            raise InvalidError(f"it asks for {module_name}.{global_name}, which no such file needs")
        return found


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)
