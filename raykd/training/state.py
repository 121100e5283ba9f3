"""The state of a run as it is kept: plain contiguous tensors, whatever the memory layout of what they come from."""

import copy
from typing import Any

import torch
from torch import Tensor

from raykd.protocols.epoch import State


def kept(state: Any) -> Any:
    """A copy of tensors in plain containers, each contiguous."""
    if isinstance(state, Tensor):
        return state.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(state, dict):
        return {name: kept(value) for name, value in state.items()}
    if isinstance(state, list):
        return [kept(value) for value in state]
    return copy.deepcopy(state)


def student_in(state: State) -> dict[str, Tensor]:
    """The weights of the plain student network in the state of a run."""
    prefix, distiller = "student.network.", state["distiller"]
    return {name.removeprefix(prefix): value for name, value in distiller.items() if name.startswith(prefix)}


def load_optimiser(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Gives an optimiser a kept state, what it holds of a parameter in the layout of that parameter.

    An unbroken run has it so. That an update computes the same bits over tensors of two layouts, PyTorch does not say.
    """
    optimiser.load_state_dict(state)
    for parameter, values in optimiser.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter).copy_(value)
