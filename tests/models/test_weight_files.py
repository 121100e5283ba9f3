"""Files that hold no weights, each told in one line of what it is; and an index of several that do."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from checkpoints import S
from raykd.models.weights import content, read_weights


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>quota exceeded</html>", "is a page of HTML or XML, as a refused download leaves; get the file again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "is Git LFS's pointer .*`git lfs pull`"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, such as Keras writes; PyTorch's and safetensors are read"),
        (b"\x93NUMPY\x01", r"is a single NumPy array; save a network's state_dict\(\)"),
        (b"\x1f\x8b\x08", "is compressed by gzip; unpack it first"),
        (b"sys_info" + bytes(249) + b"ustar\x00", "is a tar archive; unpack it, or save a state_dict"),
        (b"see the readme", "is no whole file of weights: it ends early, or something else wrote it"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{not of safetensors", "is no whole file of weights: .*eader"),
    ],
)
def test_a_file_of_something_else(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "teacher.pth").write_bytes(content)
    with pytest.raises(ValueError, match=rf"teacher\.pth {message}"):
        read_weights(tmp_path / "teacher.pth")


def test_a_zip_archive_of_something_else(tmp_path: Path):
    np.savez(tmp_path / "weights.npz", conv1=np.ones(3))
    with pytest.raises(ValueError, match=r"npz is a zip archive without PyTorch's data\.pkl; it holds conv1\.npy$"):
        read_weights(tmp_path / "weights.npz")


def test_a_program_of_torchscript(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "teacher.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"teacher/{name}", b"")
    with pytest.raises(ValueError, match=r"pt is a TorchScript program; save its state_dict\(\) instead"):
        read_weights(tmp_path / "teacher.pt")


def pieces(folder: Path) -> Path:
    """An index of two files of safetensors."""
    names = list(S)
    for number, part in enumerate((names[::2], names[1::2])):
        save_file({name: S[name] for name in part}, folder / f"part{number}.safetensors")
    places = {name: f"part{place % 2}.safetensors" for place, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return folder / "model.safetensors.index.json"


def test_an_index_is_its_pieces(tmp_path: Path):
    index = pieces(tmp_path)
    before = content(index)
    save_file({name: value + 1 for name, value in S.items()}, tmp_path / "part1.safetensors")
    assert content(index) != before


def test_an_index_whose_pieces_are_not_all_there(tmp_path: Path):
    index = pieces(tmp_path)
    (tmp_path / "part1.safetensors").unlink()
    for ask in (read_weights, content):
        with pytest.raises(FileNotFoundError, match=r"names 2 files, of which part1\.safetensors is not beside it"):
            ask(index)


def test_an_index_whose_piece_is_of_another_save(tmp_path: Path):
    index = pieces(tmp_path)
    save_file({"other": torch.ones(3)}, tmp_path / "part1.safetensors")
    with pytest.raises(ValueError, match=r"names bn1\.bias, which its files lack; one of them is of another save"):
        read_weights(index)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weight_map": {"a": 1}}', '{"weight_map": {"a": "/etc/passwd"}}', '{"weight_map": 3}']
)
def test_a_file_that_is_no_index(tmp_path: Path, text: str):
    (tmp_path / "model.index.json").write_text(text)
    with pytest.raises(ValueError, match=r"json is no index of weights: it needs {'weight_map': {NAME: FILE}}"):
        read_weights(tmp_path / "model.index.json")
