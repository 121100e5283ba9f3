"""CIFAR's Python version is read as Python 2 wrote it, and no pickle runs code."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_files import python2_pickle
from raykd.data.cifar import CIFAR10, CIFAR100
from raykd.data.formats import unpickle

RNG = np.random.default_rng(0)


def rows(count: int, first: int) -> np.ndarray:
    """Images whose red plane's first pixel is their number."""
    values = RNG.integers(0, 256, (count, 3072), dtype=np.uint8)
    values[:, 0] = np.arange(first, first + count)
    return values


def hundred(folder: Path, dumps=python2_pickle) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, count, first in (("train", 20, 0), ("test", 6, 100)):
        numbers = [5 * number % 100 for number in range(first, first + count)]
        content = {"filenames": ["x.png"] * count, "batch_label": "one", "fine_labels": numbers}
        content |= {"coarse_labels": [0] * count, "data": rows(count, first)}
        (folder / name).write_bytes(dumps(content))
    return folder


def ten(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for batch, name in enumerate((*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")):
        labels = [number % 10 for number in range(4 * batch, 4 * batch + 4)]
        content = {"batch_label": name, "labels": labels, "data": rows(4, 4 * batch), "filenames": ["x.png"] * 4}
        (folder / name).write_bytes(python2_pickle(content))
    return folder


@pytest.mark.parametrize("below", ["cifar-100-python", "."])
def test_cifar100(tmp_path: Path, below: str):
    hundred(tmp_path / below)
    dataset = CIFAR100(root=str(tmp_path), validation=5).load()
    firsts = [split.images[:, 0, 0, 0].tolist() for split in (dataset.train, dataset.validation, dataset.test)]
    assert [len(part) for part in firsts] == [15, 5, 6]
    assert sorted(firsts[0] + firsts[1]) == list(range(20))
    assert firsts[2] == list(range(100, 106))
    assert torch.equal(dataset.train.labels, 5 * dataset.train.images[:, 0, 0, 0].long() % 100)
    assert (dataset.image_shape, dataset.num_classes) == ((3, 32, 32), 100)
    assert list(dataset.classes) == sorted(set(dataset.classes))
    assert (dataset.classes[0], dataset.classes[99]) == ("apple", "worm")
    assert dataset.mean == (0.5071, 0.4867, 0.4408)
    assert dataset.std == (0.2675, 0.2565, 0.2761)


@pytest.mark.parametrize("below", ["cifar-10-batches-py", "."])
def test_cifar10(tmp_path: Path, below: str):
    ten(tmp_path / below)
    dataset = CIFAR10(root=str(tmp_path), validation=5).load()
    firsts = [split.images[:, 0, 0, 0].tolist() for split in (dataset.train, dataset.validation, dataset.test)]
    assert sorted(firsts[0] + firsts[1]) == list(range(20))
    assert firsts[2] == list(range(20, 24))
    assert torch.equal(dataset.test.labels, dataset.test.images[:, 0, 0, 0].long() % 10)
    assert dataset.num_classes == 10
    assert (dataset.classes[1], dataset.classes[5]) == ("automobile", "dog")


def test_images_are_planes_of_rows(tmp_path: Path):
    content = pickle.loads((hundred(tmp_path) / "test").read_bytes(), encoding="latin1")
    images = CIFAR100(root=str(tmp_path), validation=5).load().test.images
    assert images[2, 1, 3, 4] == content["data"][2][1024 + 3 * 32 + 4]


def test_statistics_of_the_training_pixels_where_none_are_stated(tmp_path: Path):
    hundred(tmp_path)
    dataset = CIFAR100(root=str(tmp_path), validation=5, mean=None, std=None).load()
    assert dataset.mean == pytest.approx((dataset.train.images.float() / 255).mean(dim=(0, 2, 3)).tolist())


def test_limit_shortens_the_training_split_alone(tmp_path: Path):
    hundred(tmp_path)
    dataset = CIFAR100(root=str(tmp_path), validation=5, limit=3).load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [3, 5, 6]


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_what_python_3_wrote(tmp_path: Path, protocol: int):
    def dumps(content: dict[str, Any]) -> bytes:
        return pickle.dumps(content, protocol)

    assert len(CIFAR100(root=str(hundred(tmp_path, dumps)), validation=5).load().train) == 15


class Evil:
    def __init__(self, call: Any, *arguments: Any):
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


@pytest.mark.parametrize(
    "evil",
    [Evil(Path.touch, Path("ran")), Evil(eval, "open('ran', 'w')"), Evil(np.fromfile, "x"), Evil(getattr, 1, "real")],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_runs_no_code(tmp_path: Path, evil: Evil, protocol: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    hundred(tmp_path)
    (tmp_path / "train").write_bytes(pickle.dumps({"data": evil, "fine_labels": [0]}, protocol))
    with pytest.raises(ValueError, match=f"{tmp_path / 'train'}: .*it asks for .*, which no such file needs"):
        CIFAR100(root=str(tmp_path)).load()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("size", [0, 1, 100, 61_000, -1])
def test_a_torn_file_is_named(tmp_path: Path, size: int):
    path = hundred(tmp_path) / "train"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(
        ValueError, match=f"{path}: not a whole file of CIFAR's .*; remove it and get it again"
    ) as raised:
        CIFAR100(root=str(tmp_path)).load()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fine_labels": None}, "no images and fine_labels in it, but coarse_labels, data"),
        ({"data": [1, 2]}, "no images and fine_labels in it"),
        ({"data": np.zeros((20, 3071), np.uint8)}, r"images of shape \(20, 3071\)"),
        ({"data": np.zeros((20, 3072), np.float32)}, "other numbers than unsigned bytes"),
        ({"data": np.zeros((19, 3072), np.uint8)}, "20 labels for 19 images"),
        ({"fine_labels": [100] * 20}, "labels must be 0 to 99, found 100"),
        ({"fine_labels": ["a"] * 20}, "labels must be 0 to 99, found b'a'"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, change: dict[str, Any], message: str):
    path = hundred(tmp_path) / "train"
    content = {"coarse_labels": [0], "data": np.zeros((20, 3072), np.uint8), "fine_labels": [0] * 20} | change
    whole = {key: value for key, value in content.items() if value is not None}
    path.write_bytes(python2_pickle(whole))
    with pytest.raises(ValueError, match=f"{path}: .*{message}"):
        CIFAR100(root=str(tmp_path)).load()


def test_something_else_than_a_dictionary(tmp_path: Path):
    path = tmp_path / "train"
    path.write_bytes(python2_pickle([1, 2]))
    with pytest.raises(ValueError, match="a list where a dictionary should be"):
        unpickle.read(path)


def test_bytes_that_do_not_fill_the_array(tmp_path: Path):
    path = tmp_path / "train"
    whole = python2_pickle({"data": np.zeros((4, 8), np.uint8)})
    path.write_bytes(whole.replace(b"J\x04\x00\x00\x00J\x08\x00\x00\x00", b"J\x05\x00\x00\x00J\x08\x00\x00\x00"))
    with pytest.raises(ValueError, match=r"32 bytes for an array of shape \(5, 8\)"):
        unpickle.read(path)


@pytest.mark.parametrize(("spec", "name"), [(CIFAR10, "data_batch_3"), (CIFAR100, "test")])
def test_one_file_missing(tmp_path: Path, spec: Any, name: str):
    (ten if spec is CIFAR10 else hundred)(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"CIFAR-100?: no {name} in any of .*{tmp_path}.* or download=True"):
        spec(root=str(tmp_path)).load()


@pytest.mark.parametrize("spec", [CIFAR10, CIFAR100])
def test_download_unpacks_the_archive(tmp_path: Path, spec: Any, monkeypatch: pytest.MonkeyPatch):
    def download(url: str, root: str, filename: str, md5: str) -> None:
        assert url.endswith(filename) and len(md5) == 32
        ten(Path(root) / "cifar-10-batches-py")
        hundred(Path(root) / "cifar-100-python")

    monkeypatch.setattr("torchvision.datasets.utils.download_and_extract_archive", download)
    assert len(spec(root=str(tmp_path / "new"), download=True, validation=5).load().train) == 15
