"""MNIST is read from torchvision's layout by the reader that Fashion-MNIST has; `test_fashion_mnist.py` tests that."""

from pathlib import Path

import pytest
import torch

from data_files import idx_contents, write
from raykd.data import Augmentation
from raykd.data.mnist import MNIST


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", ["MNIST/raw", "."])
def test_layouts(tmp_path: Path, below: str, packed: bool):
    write(tmp_path / below, idx_contents(), packed)
    dataset = MNIST(root=str(tmp_path), validation=8).load()
    assert dataset.classes == tuple("0123456789")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [22, 8, 12]
    assert dataset.image_shape == (1, 28, 28)
    assert torch.equal(dataset.train.labels, dataset.train.images[:, 0, 0, 0].long() % 10)


def test_digits_are_not_mirrored():
    assert MNIST().augmentation == Augmentation(padding=2)


def test_a_torn_file_is_named(tmp_path: Path):
    path = write(tmp_path, idx_contents()) / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=f"{path}: .*remove it and get it again"):
        MNIST(root=str(tmp_path), validation=8).load()


def test_nothing_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"MNIST: no train-images-idx3-ubyte.* \(or \.gz\) .*download=True"):
        MNIST(root=str(tmp_path)).load()


def test_download_brings_the_four_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def download(url: str, folder: str, name: str, md5: str) -> None:
        write(Path(folder), {name.removesuffix(".gz"): idx_contents()[name.removesuffix(".gz")]}, packed=True)

    monkeypatch.setattr("torchvision.datasets.utils.download_url", download)
    assert len(MNIST(root=str(tmp_path), download=True, validation=8).load().train) == 22
    assert (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz").is_file()
