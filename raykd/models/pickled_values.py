"""Tensors in what a pickle holds: tensors, stand-ins of NumPy arrays, and stand-ins of whole networks."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from raykd.storage.stand_ins import Array, StandIn


def is_network(value: Any) -> bool:
    """Whether a value stands in for a module of PyTorch, by what it keeps."""
    about = value.state if isinstance(value, StandIn) else None
    kept = ("_parameters", "_buffers", "_modules")
    return isinstance(about, Mapping) and all(isinstance(about.get(each), Mapping) for each in kept)


def state_of_network(network: StandIn, prefix: str = "") -> dict[str, Tensor]:
    """The state dict of a pickled module, without the buffers that its class leaves out."""
    about = network.state
    own = {**about["_parameters"], **about["_buffers"]}
    left_out = about.get("_non_persistent_buffers_set")
    if isinstance(left_out, set):
        own = {name: value for name, value in own.items() if name not in left_out}
    state = {f"{prefix}{name}": as_tensor(each) for name, each in own.items() if is_tensor(each)}
    for name, module in about["_modules"].items():
        if is_network(module):
            state |= state_of_network(module, f"{prefix}{name}.")
    return state


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor, or an array of numbers."""
    return isinstance(value, Tensor) or (isinstance(value, Array) and value.value is not None)


def size(value: Any) -> int:
    """The number of elements of a tensor or an array."""
    if isinstance(value, Array):
        assert value.value is not None
        return value.value.size
    return value.numel()


def as_tensor(value: Any) -> Tensor:
    """The tensor that a value is, or that has an array's numbers."""
    if isinstance(value, Array):
        assert value.value is not None
        return torch.from_numpy(value.value.astype(value.value.dtype.newbyteorder("=")))  # a copy: they are read-only
    return value
