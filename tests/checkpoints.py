"""Networks and checkpoints that the tests of files of weights share."""

import argparse
import enum
import io
import pathlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from raykd.models.weights import load_weights, read_weights
from tiny import same_weights


class Net(nn.Module):
    """As torchvision's ResNets name things."""

    def __init__(self, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.conv1, self.bn1 = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
            self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU())
            self.fc = nn.Linear(4, 3)
        self.bn1.running_mean = torch.arange(4.0)
        self.register_buffer("scratch", torch.ones(2), persistent=False)


class Level(enum.Enum):
    HIGH = 3


@dataclass
class Config:
    """Of a training's own code, and so of no package that a reader has."""

    lr: float = 0.1
    level: Level = Level.HIGH


class Dictionary(dict[str, Any]):
    """A dictionary of a class of its own, as addict's, yacs' and OmegaConf's are."""


State = dict[str, Tensor]
S: State = {name: value.clone() for name, value in Net().state_dict().items()}
OTHER: State = {name: value.clone() for name, value in Net(1).state_dict().items()}
OPTIONS = argparse.Namespace(lr=0.1, output=pathlib.Path("out"), model="resnet18", device=torch.device("cuda"))
OPTIMISER = torch.optim.SGD(Net().parameters(), lr=0.1).state_dict()
ADAM_STATE = {"state": {0: {"exp_avg": torch.ones(4), "step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1}]}


def under(prefix: str, state: State = S) -> State:
    return {prefix + name: value for name, value in state.items()}


def arrays(state: State = S) -> dict[str, Any]:
    return {name: value.numpy() for name, value in state.items()}


def turned(array: Any) -> Any:
    """An array with the bytes of each number the other way round, and kept by columns."""
    return np.array(array.astype(array.dtype.newbyteorder(">")), order="F")


def compiled_inside(state: State = S) -> State:
    return {name.replace("layer1.", "layer1._orig_mod."): value for name, value in state.items()}


def openmmlab(state: State = S) -> State:
    return {("head." if name.startswith("fc.") else "backbone.") + name: value for name, value in state.items()}


def averaged(**options: Any) -> dict[str, Any]:
    return AveragedModel(Net(), **options).state_dict()


def parameters() -> dict[str, Any]:
    return dict(Net().named_parameters()) | dict(Net().state_dict(keep_vars=True))


def saved(content: Any = S, **options: Any) -> bytes:
    """What `torch.save` writes."""
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def unchecked(data: bytes) -> bytes:
    """As `torch.serialization.set_crc32_options(False)` has it saved: each checksum is 0."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        for info in source.infolist():
            data = data.replace(info.CRC.to_bytes(4, "little"), bytes(4))
    return data


def assert_read(file: Path) -> None:
    """Another network, given the file, has the weights, though the file's own names may be others."""
    network = Net(2)
    load_weights(network, read_weights(file).state, file, "Net")
    assert same_weights(network.state_dict(), S)
