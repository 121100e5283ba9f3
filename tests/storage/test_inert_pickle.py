"""A pickle has nothing run: what it calls is done by a stand-in, and what does harm refuses the file."""

import contextlib
import functools
import importlib
import operator
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from checkpoints import S, saved
from raykd.models.weights import read_weights
from raykd.storage.inert_pickle import InertUnpickler
from raykd.storage.stand_ins import Array, Kind, StandIn
from raykd.storage.torch_file import read_torch
from tiny import same_weights


class Call:
    """Calls a function where it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any):
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


class Later(Call):
    """Gives a function a state, which calls it by no opcode of calling."""

    def __reduce__(self) -> Any:
        return functools.partial, (print,), (*self.call, {}, None)


def run(code: str) -> None:
    raise AssertionError(f"{code} was run")


# Each makes the marker, a folder or a file, where anything runs.
HARMFUL: dict[str, Callable[[str], Any]] = {
    "posix.mkdir": lambda marker: Call(os.mkdir, marker),
    "posix.system": lambda marker: Call(os.system, f"touch {marker}"),
    "builtins.eval": lambda marker: Call(eval, f"__import__('os').mkdir({marker!r})"),
    "builtins.exec": lambda marker: Call(exec, f"__import__('os').mkdir({marker!r})"),
    "subprocess.Popen": lambda marker: Call(subprocess.Popen, ["touch", marker]),
    "shutil.copyfile": lambda marker: Call(shutil.copyfile, __file__, marker),
    "io.open": lambda marker: Call(open, marker, "w"),
    "importlib.import_module": lambda marker: Call(importlib.import_module, "antigravity"),
    "webbrowser.open": lambda marker: Call(webbrowser.open, "file:///dev/null"),
    "sys.exit": lambda marker: Call(sys.exit, 3),
}
INERT: dict[str, Callable[[str], Any]] = {
    "a method of a path": lambda marker: Call(pathlib.Path.touch, pathlib.Path(marker)),
    "its own function": lambda marker: Call(run, marker),
    "getattr": lambda marker: Call(getattr, pathlib.Path(marker), "touch"),
    "a call of what was got": lambda marker: Call(operator.methodcaller("touch"), pathlib.Path(marker)),
    "a partial's state": lambda marker: Later(run, marker),
    "torch.load": lambda marker: Call(torch.load, marker),
    "NumPy's text": lambda marker: Call(np.savetxt, marker, [1.0]),
}
WRITTEN = {"zip": {}, "zip, protocol 4": {"pickle_protocol": 4}, "old": {"_use_new_zipfile_serialization": False}}


@pytest.mark.parametrize("options", WRITTEN.values(), ids=list(WRITTEN))
@pytest.mark.parametrize("name", HARMFUL)
def test_what_does_harm_refuses_the_file(tmp_path: Path, name: str, options: dict[str, Any]):
    marker, file = tmp_path / "marker", tmp_path / "teacher.pth"
    file.write_bytes(saved({"model": S, "hook": HARMFUL[name](str(marker))}, **options))
    with pytest.raises(ValueError, match=f"teacher.pth would run {name}, which weights do not need: do not trust it$"):
        read_weights(file)
    assert not marker.exists()


@pytest.mark.parametrize("options", WRITTEN.values(), ids=list(WRITTEN))
@pytest.mark.parametrize("make", INERT.values(), ids=list(INERT))
def test_what_is_called_does_nothing(tmp_path: Path, make: Callable[[str], Any], options: dict[str, Any]):
    marker, file = tmp_path / "marker", tmp_path / "teacher.pth"
    file.write_bytes(saved({"hook": make(str(marker)), "model": S}, **options))
    assert same_weights(read_weights(file).state, S)
    assert not marker.exists()


def test_the_payloads_do_run_where_they_are_let(tmp_path: Path):
    """Else the tests above would say nothing."""
    data = pickle.dumps([make(str(tmp_path / str(place))) for place, make in enumerate(list(HARMFUL.values())[:4])])
    pickle.loads(data)
    assert all((tmp_path / str(place)).exists() for place in range(4))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_inside_a_pickle_is_no_way_round(tmp_path: Path, protocol: int):
    inner = pickle.dumps(Call(os.mkdir, str(tmp_path / "marker")), protocol)
    data = pickle.dumps(Call(torch.storage._load_from_bytes, inner), protocol)
    with pytest.raises(ValueError, match=r"would run posix\.mkdir"):
        read_torch(data)
    assert not (tmp_path / "marker").exists()


def test_a_files_attributes_reach_no_class_of_ours():
    """State given to a class, and not to an object of it, would stay for the next file."""
    for name in (
        b"argparse\nNamespace",
        b"collections\nOrderedDict",
        b"torch._utils\n_rebuild_tensor_v2",
        b"builtins\nset",
    ):
        state = b"(N}X\x04\x00\x00\x00evilK\x01st"  # slots that are to be set
        with contextlib.suppress(AttributeError, TypeError):
            read_torch(b"\x80\x02c" + name + b"\n" + state + b"b.")
    again = read_torch(saved({"a": S, "b": np.arange(3)}))
    assert same_weights(again["a"], S)
    assert not any(hasattr(each, "evil") for each in (type(again), Array, Kind, StandIn, InertUnpickler, set))


def test_a_stand_in_is_a_key_and_says_what_it_stands_for():
    found = read_torch(saved({pathlib.PurePosixPath("a"): 1, pathlib.PurePosixPath("b"): 2}))
    assert sorted(found.values()) == [1, 2]
    assert {key.origin for key in found} == {"pathlib.PurePosixPath"}


def test_torn_files_are_none(tmp_path: Path):
    file, whole = tmp_path / "teacher.pth", [saved(S), saved(S, _use_new_zipfile_serialization=False), pickle.dumps(S)]
    for data in whole:
        for left in range(0, len(data), max(1, len(data) // 60)):
            file.write_bytes(data[:left])
            with pytest.raises(ValueError, match=r"teacher\.pth is no whole file of weights|is no pickle|must hold"):
                read_weights(file)
