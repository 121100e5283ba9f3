"""Files of tensors, read and written by way of memory, so that an error of the disk is an OSError and nothing else is.

PyTorch's and safetensors' own writers raise errors of their own where a disk is full, and NumPy's an OSError without a
number, which nobody can tell from a fault of the program. And of some torn files PyTorch's reader says "Invalid
argument" with the very type of a broken disk's error.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from raykd.errors import InvalidError


def torch_bytes(content: Any) -> memoryview:
    """What `torch.save` would write of tensors in plain containers."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getbuffer()


def load_torch(path: Path) -> Any:
    """What `torch.save` has written, on the CPU; runs no code of the file's.

    Raises:
        OSError: there is no such file, or it cannot be read.
        Exception: of many kinds, what a torn or foreign file leads PyTorch's reader to; never OSError.
    """
    data = io.BytesIO(path.read_bytes())
    try:
        return torch.load(data, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InvalidError(str(error)) from error


def save_safetensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Writes a file of safetensors, which `safetensors.torch.load_file` reads.

    Args:
        metadata: what stands before the tensors.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    path.write_bytes(safetensors.torch.save(contiguous, metadata))


def save_npy(array: np.ndarray, path: Path) -> None:
    """Writes a file that `numpy.load` reads.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    path.write_bytes(buffer.getbuffer())
