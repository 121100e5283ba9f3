"""How a checkpoint may be written, by whom and in how many pieces: the same weights come out of it."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from checkpoints import OPTIONS, Net, S, State, arrays, assert_read, openmmlab, saved, unchecked, under
from raykd.models.weights import read_weights
from tiny import same_weights

# how a file may be written


def big_endian(data: bytes) -> bytes:
    """As a mainframe saves: all storages of 4 bytes an element are turned."""
    turned = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(turned, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if "/data/" in name:
                width = 8 if len(content) == 8 else 4  # the one number is num_batches_tracked
                content = np.frombuffer(content, f"<u{width}").byteswap().tobytes()
            target.writestr(name, b"big" if name.endswith("byteorder") else content)
    return turned.getvalue()


GPU = (b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:1")  # the tag of a storage, and that of one on a GPU
OLD = {"_use_new_zipfile_serialization": False}
BYTES: dict[str, Callable[[], bytes]] = {
    "before 1.6": lambda: saved(**OLD),
    "before 1.6, a checkpoint": lambda: saved({"model": under("module."), "args": OPTIONS, "acc": 90.1}, **OLD),
    "before 1.6, of a GPU": lambda: saved(**OLD).replace(*GPU),
    "before 1.6, a whole network": lambda: saved(Net(), **OLD),
    "protocol 4": lambda: saved(pickle_protocol=4),
    "protocol 5": lambda: saved({"state_dict": arrays(), "args": OPTIONS}, pickle_protocol=5),
    "big-endian": lambda: big_endian(saved()),
    "without checksums": lambda: unchecked(saved()),
    "a plain pickle of tensors": lambda: pickle.dumps(S),
    "a plain pickle of arrays": lambda: pickle.dumps({"model": arrays()}, protocol=2),
    "a plain pickle, first protocol": lambda: pickle.dumps(arrays(), protocol=0),
}


@pytest.mark.parametrize("make", BYTES.values(), ids=list(BYTES))
def test_a_file_written_otherwise(tmp_path: Path, make: Callable[[], bytes]):
    (tmp_path / "teacher.bin").write_bytes(make())
    assert_read(tmp_path / "teacher.bin")


def cuda(state: State) -> bytes:
    """As a process with a GPU saves, whose tags say so."""
    plain, tagged = io.BytesIO(saved(state)), io.BytesIO()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(tagged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content.replace(*GPU))
    return tagged.getvalue()


def test_a_file_of_a_gpu(tmp_path: Path):
    (tmp_path / "teacher.pt").write_bytes(cuda(S))
    assert b"cuda:1" in (tmp_path / "teacher.pt").read_bytes()
    assert_read(tmp_path / "teacher.pt")


def test_a_changed_bit_is_seen(tmp_path: Path):
    data = saved()
    place = data.index(S["fc.weight"].numpy().tobytes())
    (tmp_path / "teacher.pt").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(ValueError, match=r"teacher\.pt is no whole file of weights"):
        read_weights(tmp_path / "teacher.pt")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_half_precision_becomes_single(tmp_path: Path, dtype: torch.dtype, suffix: str):
    half = {name: value.to(dtype) if value.is_floating_point() else value for name, value in S.items()}
    save = save_file if suffix == ".safetensors" else torch.save
    save(half, tmp_path / f"teacher{suffix}")
    found = read_weights(tmp_path / f"teacher{suffix}").state
    assert found["fc.weight"].dtype == torch.float32
    assert same_weights(found, {name: half[name].to(S[name].dtype) for name in S})


@pytest.mark.parametrize("state", [S, under("module."), under("model._orig_mod."), openmmlab()])
@pytest.mark.parametrize("name", ["teacher.safetensors", "pytorch_model.bin"])
def test_safetensors_whatever_its_suffix(tmp_path: Path, state: State, name: str):
    save_file(state, tmp_path / name)
    assert_read(tmp_path / name)


@pytest.mark.parametrize(
    ("suffix", "save"), [("safetensors", save_file), ("bin", torch.save)], ids=["safetensors", "PyTorch"]
)
def test_pieces_with_an_index(tmp_path: Path, suffix: str, save: Callable[[Any, Path], None]):
    places = {name: f"model-0000{1 + index % 2}-of-00002.{suffix}" for index, name in enumerate(S)}
    for piece in set(places.values()):
        save({name: S[name] for name in S if places[name] == piece}, tmp_path / piece)
    index = tmp_path / f"model.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    assert_read(index)
