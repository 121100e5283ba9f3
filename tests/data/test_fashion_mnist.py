"""Fashion-MNIST is read from torchvision's layout, and whatever is wrong with a file is said in one line."""

from pathlib import Path
from typing import Any

import pytest
import torch

from data_files import idx_bytes, write
from data_files import idx_contents as contents
from raykd.data import Augmentation, fashion_mnist
from raykd.data.fashion_mnist import FILES, FashionMNIST
from raykd.data.formats import idx

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "FashionMNIST" / "raw", contents())
    return tmp_path


def spec(root: Path, **changes: Any) -> FashionMNIST:
    return FashionMNIST(**({"root": str(root), "validation": 8} | changes))


def test_splits_are_disjoint_and_whole(root: Path):
    dataset = spec(root).load()
    assert (dataset.classes[0], dataset.classes[9], len(dataset.classes)) == ("T-shirt/top", "Ankle boot", 10)
    numbers = [split.images[:, 0, 0, 0].tolist() for split in (dataset.train, dataset.validation, dataset.test)]
    assert [len(part) for part in numbers] == [22, 8, 12]
    assert sorted(numbers[0] + numbers[1]) == list(range(30))
    assert numbers[2] == list(range(100, 112))
    assert dataset.image_shape == (1, 28, 28)
    assert torch.equal(dataset.train.labels, dataset.train.images[:, 0, 0, 0].long() % 10)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", ["FashionMNIST/raw", "."])
def test_layouts(tmp_path: Path, below: str, packed: bool):
    write(tmp_path / below, contents(), packed)
    assert len(spec(tmp_path).load().train) == 22


def test_the_unpacked_file_is_read_where_both_are_there(root: Path):
    write(root / "FashionMNIST" / "raw", dict.fromkeys(FILES, b"torn"), packed=True)
    assert len(spec(root).load().train) == 22


def test_without_a_root_the_usual_places_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data" / "FashionMNIST" / "raw", contents())
    assert len(FashionMNIST(validation=8).load().train) == 22


def test_the_cache_is_searched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write(tmp_path / "home" / ".cache" / "raykd" / "FashionMNIST" / "raw", contents())
    assert len(FashionMNIST(validation=8).load().train) == 22


def test_the_seed_chooses_the_validation_split(root: Path):
    first, again, other = (spec(root, seed=seed).load().validation.images[:, 0, 0, 0].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_limit_shortens_the_training_split_alone(root: Path):
    whole, short = spec(root).load(), spec(root, limit=5).load()
    assert torch.equal(short.train.images, whole.train.images[:5])
    assert torch.equal(short.train.labels, whole.train.labels[:5])
    assert torch.equal(short.validation.images, whole.validation.images)
    assert len(spec(root, limit=1000).load().train) == 22


def test_augmentation_is_crop_and_flip():
    assert FashionMNIST().augmentation == Augmentation(padding=2, flip=True)


def test_nothing_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught:
        spec(tmp_path).load()
    message = str(caught.value)
    assert "\n" not in message
    assert all(name in message for name in FILES)
    assert str(tmp_path / "FashionMNIST" / "raw") in message
    assert "download=True" in message


@pytest.mark.parametrize("name", FILES)
def test_one_file_missing(root: Path, name: str):
    (root / "FashionMNIST" / "raw" / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"no {name} "):
        spec(root).load()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_torn_file_is_named(tmp_path: Path, name: str, packed: bool):
    folder = write(tmp_path, contents(), packed)
    path = folder / f"{name}{'.gz' if packed else ''}"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=f"{path}: .*remove it and get it again") as caught:
        spec(tmp_path).load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (FILES[0], b"", "not an idx file of bytes with 3 dimensions"),
        (FILES[0], b"<html>not found</html>", "not an idx file of bytes with 3 dimensions"),
        (FILES[0], idx_bytes(torch.zeros(30)), "not an idx file of bytes with 3 dimensions"),
        (FILES[1], idx_bytes(torch.zeros(30)) + b"x", "31 bytes of content, its header promises 30"),
        (FILES[1], idx_bytes(torch.zeros(29)), "29 labels for the 30 images"),
        (FILES[3], idx_bytes(torch.full((12,), 10)), "labels must be 0 to 9, found 10"),
    ],
)
def test_a_wrong_file_is_named(root: Path, name: str, content: bytes, message: str):
    path = root / "FashionMNIST" / "raw" / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path}: {message}"):
        spec(root).load()


def test_a_file_that_only_says_it_is_packed(tmp_path: Path):
    write(tmp_path, contents(), packed=True)
    (tmp_path / f"{FILES[0]}.gz").write_bytes(contents()[FILES[0]])
    with pytest.raises(ValueError, match="not a whole gzip file"):
        spec(tmp_path).load()


def test_idx_reads_what_was_written(tmp_path: Path):
    values = torch.randint(0, 256, (3, 4, 5))
    path = tmp_path / "values"
    path.write_bytes(idx_bytes(values))
    assert torch.equal(idx.read(path, 3).long(), values)
    path.write_bytes(idx_bytes(torch.zeros(0)))
    assert idx.read(path, 1).shape == (0,)


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for torchvision's download; the folders that were asked for."""
    asked: list[str] = []

    def download(url: str, folder: str, name: str, md5: str) -> None:
        assert url.startswith("http") and url.endswith(f"/{name}")
        assert len(md5) == 32
        asked.append(str(Path(folder).parents[1]))
        write(Path(folder), {name.removesuffix(".gz"): contents()[name.removesuffix(".gz")]}, packed=True)

    monkeypatch.setattr("torchvision.datasets.utils.download_url", download)
    return asked


def test_download_only_when_asked_and_needed(tmp_path: Path, downloads: list[str]):
    with pytest.raises(FileNotFoundError):
        spec(tmp_path).load()
    assert downloads == []
    for _ in range(2):
        assert len(spec(tmp_path, download=True).load().train) == 22
    assert downloads == [str(tmp_path)] * 4


def test_download_without_a_root_goes_to_the_cache(tmp_path: Path, downloads, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fashion_mnist, "_ROOTS", ("data", "~/.cache/raykd"))
    assert len(FashionMNIST(validation=8, download=True).load().train) == 22
    assert downloads == [str(tmp_path / ".cache" / "raykd")] * 4


@pytest.mark.parametrize(("name", "value"), [("validation", 0), ("validation", -5), ("limit", 0)])
def test_impossible_sizes(name: str, value: Any):
    with pytest.raises(ValueError, match=f"{name} must be .*at least 1 image, got {value}"):
        FashionMNIST(**{name: value})


def test_a_validation_split_that_leaves_nothing(root: Path):
    with pytest.raises(ValueError, match="can hold out 1 to 29 of 30 images, got 30"):
        spec(root, validation=30).load()


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_the_real_set():
    dataset = FashionMNIST(root=str(DEBIAN)).load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [50_000, 10_000, 10_000]
    assert dataset.test.labels.bincount().tolist() == [1000] * 10
    assert dataset.mean[0] == pytest.approx(0.286, abs=0.002)
    assert dataset.std[0] == pytest.approx(0.353, abs=0.002)
