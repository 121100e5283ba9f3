"""Pictures come from their files as torchvision's transforms make them, and the threads that decode them go away."""

import gc
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision.transforms.v2 import functional as transforms

from data_files import picture, save
from raykd.data import Augmentation, Files, Frame, ResizedCrop, Split
from raykd.data.views.decoding import THREADS

SMALL = Frame(resize=9, size=8)
KINDS = ("0.png", "b/1.jpg", "b/2.webp", "b/3.bmp", "4.tiff", "grey.jpg", "palette.png")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for seed, name in enumerate(KINDS):
        mode = {"grey.jpg": "L", "palette.png": "P"}.get(name, "RGB")
        save(tmp_path, name, picture(seed, 12 + 3 * seed, 20 - seed, mode))
    return folder(tmp_path)


def folder(root: Path, frame: Frame = SMALL, names: tuple[str, ...] = KINDS) -> Files:
    return Files(root, names, tuple((root / name).stat().st_size for name in names), frame)


def read(files: Files, batch_size: int = 3, order: list[int] | None = None, **options) -> dict[int, torch.Tensor]:
    """The decoded images by their index."""
    shares = torch.tensor(order if order is not None else range(len(files))).split(batch_size)
    found = [pair for indices, images in files.read(shares, **options) for pair in zip(indices, images, strict=True)]
    return {int(index): image for index, image in found}


def opened(files: Files, index: int) -> Any:
    return Image.open(files.root / files.names[index]).convert("RGB")


def decoding() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(THREADS)]


def test_the_middle_is_torchvisions_to_the_last_bit(files: Files):
    for index, image in read(files).items():
        expected = transforms.center_crop(transforms.resize(opened(files, index), [9]), [8])
        assert torch.equal(image, transforms.pil_to_tensor(expected)), files.names[index]


def test_a_random_part_is_torchvisions_to_the_last_bit(files: Files):
    crop = ResizedCrop()
    for index, image in read(files, crop=crop, epoch=2, seed=5).items():
        whole = opened(files, index)
        sides = (torch.tensor([side]) for side in (whole.height, whole.width))
        box = crop.boxes(crop.draws(torch.tensor([index]), 2, 5), *sides)[0].tolist()
        expected = transforms.resized_crop(whole, *box, size=[8, 8])
        assert torch.equal(image, transforms.pil_to_tensor(expected)), files.names[index]


def test_photographs(tmp_path: Path):
    for name, pixels in zip(("china.jpg", "flower.jpg"), load_sample_images().images, strict=True):
        save(tmp_path, name, Image.fromarray(pixels))
    photographs = folder(tmp_path, Frame(), ("china.jpg", "flower.jpg"))
    for index, image in read(photographs).items():
        expected = transforms.center_crop(transforms.resize(opened(photographs, index), [256]), [224])
        assert torch.equal(image, transforms.pil_to_tensor(expected))


def test_views_do_not_depend_on_order_or_batch(files: Files):
    options = {"crop": ResizedCrop(), "epoch": 1, "seed": 3}
    reference = read(files, 1, **options)
    for batch_size, order in ((2, [6, 5, 4, 3, 2, 1, 0]), (7, [3, 1, 6, 0, 5, 2, 4])):
        for index, image in read(files, batch_size, order, **options).items():
            assert torch.equal(image, reference[index])
    assert any(not torch.equal(image, reference[index]) for index, image in read(files, 1, crop=ResizedCrop()).items())


@pytest.mark.parametrize("crop", [None, ResizedCrop()])
def test_inference_mode_may_read(files: Files, crop: ResizedCrop | None):
    with torch.inference_mode():
        found = read(files, crop=crop)
    for index, image in read(files, crop=crop).items():
        assert torch.equal(found[index], image)


def test_a_share_may_be_empty(files: Files):
    shares = [torch.tensor([1, 2]), torch.tensor([], dtype=torch.int64)]
    assert [images.shape for _, images in files.read(shares)] == [(2, 3, 8, 8), (0, 3, 8, 8)]


def test_a_part_of_the_files_is_indexed_like_a_tensor(files: Files):
    some = files[torch.tensor([4, 1])]
    assert some.names == (KINDS[4], KINDS[1])
    assert torch.equal(read(some)[1], read(files)[1])
    assert (len(some), some.shape) == (2, (2, 3, 8, 8))


def test_a_split_of_files_augments_what_it_decodes(files: Files):
    split, shares = Split(files, torch.arange(7)), [torch.arange(7)]
    decoded = torch.stack(list(read(files).values())).float()
    augmentation = Augmentation(padding=2, flip=True)
    ((indices, views),) = split.read(shares, augmentation, epoch=1, seed=2)
    assert torch.equal(views, augmentation.view(decoded, indices, 1, 2))
    ((_, plain),) = split.read(shares)
    assert torch.equal(plain, decoded)
    ((_, cropped),) = split.read(shares, Augmentation(resized=ResizedCrop(), flip=True), epoch=1, seed=2)
    parts = torch.stack(list(read(files, crop=ResizedCrop(), epoch=1, seed=2).values())).float()
    assert torch.equal(cropped, Augmentation(flip=True).view(parts, indices, 1, 2))


def test_the_summary_follows_names_lengths_and_frame(files: Files):
    others = [
        files[torch.arange(6)],
        Files(files.root, files.names[::-1], files.lengths, SMALL),
        Files(files.root, files.names, (files.lengths[0] + 1, *files.lengths[1:]), SMALL),
        Files(files.root, files.names, files.lengths, Frame(resize=10, size=8)),
    ]
    assert len({files.summary(), *(other.summary() for other in others)}) == 5
    elsewhere = Files(Path("/elsewhere"), files.names, files.lengths, SMALL)
    assert elsewhere.summary() == files.summary()


def test_the_digest_of_a_split_of_files_follows_its_labels(files: Files):
    assert Split(files, torch.arange(7)).digest() != Split(files, torch.arange(7).flip(0)).digest()


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", "half", "header"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_file_that_cannot_be_decoded_is_named(files: Files, index: int, content: bytes | str):
    path = files.root / files.names[index]
    whole = path.read_bytes()
    torn = {"half": whole[: len(whole) // 2], "header": whole[:24]}
    path.write_bytes(content if isinstance(content, bytes) else torn[content])
    with pytest.raises(ValueError, match=f"{path}: image {index} of its split cannot be decoded .*") as raised:
        read(files)
    assert "\n" not in str(raised.value)
    assert decoding() == []


def test_a_file_that_is_gone_is_named(files: Files):
    (files.root / "4.tiff").unlink()
    with pytest.raises(FileNotFoundError, match=f"{files.root / '4.tiff'}: image 4 of its split is gone"):
        read(files)


def test_no_thread_is_left_at_the_end(files: Files):
    assert len(read(files)) == 7
    assert decoding() == []


def test_no_thread_is_left_where_the_caller_stops_early(files: Files):
    batches = Split(files, torch.arange(7)).read(torch.arange(7).split(1))
    next(batches)
    assert decoding() != []
    batches.close()
    assert decoding() == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_no_thread_is_left_after_an_error_in_the_loop(files: Files, stop: type[BaseException]):
    def loop() -> None:
        for _ in Split(files, torch.arange(7)).read(torch.arange(7).split(1)):
            raise stop

    with pytest.raises(stop):
        loop()
    gc.collect()
    assert decoding() == []


def test_the_next_batches_are_decoded_meanwhile(files: Files, monkeypatch: pytest.MonkeyPatch):
    started: list[int] = []
    decode = Files._decode

    def noted(self: Files, place, index: int, draws, crop) -> None:
        started.append(index)
        decode(self, place, index, draws, crop)

    monkeypatch.setattr(Files, "_decode", noted)
    batches = files.read(torch.arange(7).split(1))
    next(batches)
    deadline = time.monotonic() + 10
    while len(started) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(started) == [0, 1, 2, 3]  # the batch that was asked for, and three more
    batches.close()


@pytest.mark.parametrize(("resize", "size"), [(8, 9), (0, 0), (8, 0)])
def test_an_impossible_frame(resize: int, size: int):
    with pytest.raises(ValueError, match=f"size must be 1 pixel to resize, got {size} and {resize}"):
        Frame(resize=resize, size=size)
