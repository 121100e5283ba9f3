"""STL-10 is read from its binary files, whose images stand column by column and whose labels count from 1."""

from pathlib import Path

import numpy as np
import pytest
import torch

from raykd.data.stl10 import STL10

FILES = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    stream = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 10)):
        pixels = stream.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        labels = np.arange(count) % 10 + 1
        pixels[:, 0, 0, 0] = labels
        pixels.tofile(folder / f"{part}_X.bin")
        labels.astype(np.uint8).tofile(folder / f"{part}_y.bin")
    return tmp_path


def spec(root: Path) -> STL10:
    return STL10(root=str(root), validation=2)


def test_splits(root: Path):
    dataset = spec(root).load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [10, 2, 10]
    assert (dataset.image_shape, dataset.num_classes) == ((3, 96, 96), 10)
    assert (dataset.classes[0], dataset.classes[9]) == ("airplane", "truck")
    assert torch.equal(dataset.train.labels, dataset.train.images[:, 0, 0, 0].long() - 1)
    assert dataset.test.labels.tolist() == list(range(10))


def test_images_stand_upright(root: Path):
    stored = np.fromfile(root / "stl10_binary" / "test_X.bin", np.uint8).reshape(-1, 3, 96, 96)
    assert torch.equal(spec(root).load().test.images, torch.from_numpy(stored.transpose(0, 1, 3, 2).copy()))


def test_the_folder_itself_may_be_the_root(root: Path):
    assert len(spec(root / "stl10_binary").load().train) == 10


@pytest.mark.parametrize("name", FILES)
def test_a_torn_file_is_named(root: Path, name: str):
    path = root / "stl10_binary" / name
    path.write_bytes(path.read_bytes()[:-1])
    images = path.with_name(name.replace("_y", "_X"))
    with pytest.raises(ValueError, match=f"{images}: [0-9]+ bytes, where the [0-9]+ labels of .*_y.bin ask for"):
        spec(root).load()


@pytest.mark.parametrize("label", [0, 11])
def test_a_label_that_is_none(root: Path, label: int):
    path = root / "stl10_binary" / "test_y.bin"
    path.write_bytes(bytes([label]) + path.read_bytes()[1:])
    with pytest.raises(ValueError, match=f"{path}: labels must be 1 to 10, found "):
        spec(root).load()


@pytest.mark.parametrize("name", FILES)
def test_one_file_missing(root: Path, name: str):
    (root / "stl10_binary" / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"STL-10: no {name} in any of .*stl10_binary.* or download=True"):
        spec(root).load()


def test_download_unpacks_the_archive(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def download(url: str, folder: str, filename: str, md5: str) -> None:
        assert url.endswith(filename) and len(md5) == 32
        (root / "stl10_binary").rename(Path(folder) / "stl10_binary")

    monkeypatch.setattr("torchvision.datasets.utils.download_and_extract_archive", download)
    assert len(STL10(root=str(tmp_path / "new"), download=True, validation=2).load().train) == 10
