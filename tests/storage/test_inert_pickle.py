"""A pickle has nothing run: what it calls is done by a stand-in, and what does harm refuses the file."""

import contextlib
import functools
import importlib
import operator
import os
import pathlib
import pickle
import random
import shutil
import subprocess
import sys
import tracemalloc
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from checkpoints import OPTIONS, Net, S, arrays, saved, unchecked
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


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        (b"\x80\x02Nr\xff\xff\xff\x7f.", False),  # None, to be remembered under the number 2,147,483,647
        (b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".", True),  # a bytearray of a tebibyte
        (b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b".", True),  # as many bytes
        (b"\x80\x02\x8b\xff\xff\xff\x7f.", True),  # a whole number of 2 GB
    ],
)
def test_a_file_takes_no_more_memory_than_it_has(data: bytes, ends: bool):
    """Python's reader in C makes room for all of that."""
    tracemalloc.start()
    try:
        with pytest.raises(EOFError) if ends else contextlib.nullcontext():
            assert read_torch(data) is None
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


WHOLE = (
    saved({"model": S, "args": OPTIONS, "accuracy": np.float64(0.9)}),
    saved({"model": arrays(), "net": Net()}, _use_new_zipfile_serialization=False),
    pickle.dumps({"model": S, "args": OPTIONS}),
)


@pytest.mark.parametrize("data", WHOLE, ids=["zip", "old", "pickle"])
def test_a_torn_file_is_none(tmp_path: Path, data: bytes):
    file = tmp_path / "teacher.pth"
    for left in range(0, len(data), len(data) // 25):
        file.write_bytes(data[:left])
        with pytest.raises(ValueError, match=r"teacher\.pth is no whole file of weights"):
            read_weights(file)


@pytest.mark.parametrize("data", WHOLE, ids=["zip", "old", "pickle"])
def test_whatever_was_changed_in_a_file_is_one_line(tmp_path: Path, data: bytes):
    """Bytes that are others, missing or too many: it is read, or refused."""
    draw, file, said = random.Random(0), tmp_path / "teacher.pth", []
    for _ in range(60):
        changed = bytearray(unchecked(data))
        for _ in range(draw.choice((1, 1, 3, 10))):
            place, kind = draw.randrange(min(len(changed), 2500)), draw.randrange(3)
            width = draw.randrange(1, 9)
            new = draw.randbytes((1, 0, width)[kind])
            changed[place : place + (1, width, 0)[kind]] = new
        file.write_bytes(changed)
        try:
            read_weights(file)
        except ValueError as error:
            said.append(str(error))
    assert 0 < len(said) < 60
    assert all(line.startswith(f"{file} ") and "\n" not in line for line in said)
