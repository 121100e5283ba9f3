"""SVHN is read from its MATLAB files, whose images stand last and whose digit 0 is called ten."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat

from raykd.data.svhn import SVHN


def content(count: int) -> dict[str, Any]:
    pixels = np.random.default_rng(count).integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
    labels = (np.arange(count) % 10 + 1).astype(np.uint8)[:, None]
    pixels[0, 0, 0] = labels[:, 0]
    return {"X": pixels, "y": labels}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    savemat(tmp_path / "train_32x32.mat", content(22), do_compression=True)
    savemat(tmp_path / "test_32x32.mat", content(10), do_compression=True)
    return tmp_path


def spec(root: Path) -> SVHN:
    return SVHN(root=str(root), validation=2)


def test_splits(root: Path):
    dataset = spec(root).load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [20, 2, 10]
    assert (dataset.image_shape, dataset.num_classes) == ((3, 32, 32), 10)
    assert dataset.classes == tuple("0123456789")
    assert dataset.test.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert torch.equal(dataset.train.labels, dataset.train.images[:, 0, 0, 0].long() % 10)


def test_images_stand_upright(root: Path):
    images = spec(root).load().test.images
    assert images[3, 1, 4, 5] == content(10)["X"][4, 5, 1, 3]
    assert images.is_contiguous()


@pytest.mark.parametrize("size", [0, 100, 200, 30_000])
def test_a_torn_file_is_named(root: Path, size: int):
    path = root / "train_32x32.mat"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=f"{path}: not a whole MATLAB file .*; remove it and get it again") as raised:
        spec(root).load()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((32, 32, 3, 9), np.uint8)}, r"X is uint8 of shape \(32, 32, 3, 9\) for 10 labels"),
        ({"X": np.zeros((32, 32, 3, 10))}, "X is float64 of shape"),
        ({"y": np.zeros((10, 1), np.uint8)}, "labels must be 1 to 10, found 0 to 0"),
    ],
)
def test_a_wrong_file_is_named(root: Path, change: dict[str, Any], message: str):
    savemat(root / "test_32x32.mat", content(10) | change)
    with pytest.raises(ValueError, match=f"{root / 'test_32x32.mat'}: {message}"):
        spec(root).load()


def test_another_file_of_matlab(root: Path):
    savemat(root / "test_32x32.mat", {"Z": np.zeros(3)})
    with pytest.raises(ValueError, match="not a whole MATLAB file with X and y in it"):
        spec(root).load()


def test_one_file_missing(root: Path):
    (root / "test_32x32.mat").unlink()
    with pytest.raises(FileNotFoundError, match=f"SVHN: no test_32x32.mat in any of {root}; .* or download=True"):
        spec(root).load()


def test_download_brings_both_files(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def download(url: str, folder: str, name: str, md5: str) -> None:
        assert url.endswith(name) and len(md5) == 32
        (root / name).rename(Path(folder) / name)

    monkeypatch.setattr("torchvision.datasets.utils.download_url", download)
    assert len(SVHN(root=str(tmp_path / "new"), download=True, validation=2).load().train) == 20
