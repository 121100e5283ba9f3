"""Files of tensors: what the disk says is an OSError with its number, and what a torn file says never is."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from raykd.storage.tensors import load_torch, save_npy, save_safetensors, torch_bytes

CONTENT = {"number": 2, "metrics": {"val/accuracy": 0.5}, "state": {"weight": torch.arange(1500.0)}}
FULL = Path("/dev/full")  # every write finds it full


def test_what_is_written_is_read(tmp_path: Path):
    (tmp_path / "content.pt").write_bytes(torch_bytes(CONTENT))
    for read in (load_torch(tmp_path / "content.pt"), torch.load(tmp_path / "content.pt", weights_only=True)):
        assert read["metrics"] == CONTENT["metrics"]
        assert torch.equal(read["state"]["weight"], CONTENT["state"]["weight"])
    transposed = torch.arange(6.0).reshape(2, 3).T
    save_safetensors({"weight": transposed}, tmp_path / "weights.safetensors")
    assert torch.equal(load_file(tmp_path / "weights.safetensors")["weight"], transposed)
    save_npy(np.eye(3), tmp_path / "array.npy")
    assert (np.load(tmp_path / "array.npy") == np.eye(3)).all()


def test_a_file_torn_anywhere_is_no_error_of_the_disk(tmp_path: Path):
    """PyTorch 2.14 by itself raises OSError 22 where more than 4,096 bytes are left of this file's 7,593."""
    whole, file = bytes(torch_bytes(CONTENT)), tmp_path / "torn.pt"
    for left in range(0, len(whole), 40):
        file.write_bytes(whole[:left])
        with pytest.raises((ValueError, RuntimeError, EOFError)):
            load_torch(file)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        load_torch(tmp_path / "none.pt")


@pytest.mark.skipif(not FULL.exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize(
    "save",
    [
        lambda: save_safetensors({"weight": torch.zeros(10_000)}, FULL),
        lambda: save_npy(np.zeros(10_000), FULL),
        lambda: FULL.write_bytes(torch_bytes(CONTENT)),
    ],
    ids=["safetensors", "npy", "torch"],
)
def test_a_full_disk_is_told_as_one(save: Callable[[], Any]):
    with pytest.raises(OSError, match="No space left on device") as told:
        save()
    assert told.value.errno == errno.ENOSPC
