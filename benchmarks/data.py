"""How fast images come: from memory with crop and flip, and from JPEG files as ImageNet's are read.

Claim: views of 32x32 images in memory come at least 10 times as fast as JPEG files of ImageNet's size are decoded on
the same cores, so that a set which fits the device belongs there (`in_memory`).

    python benchmarks/data.py [--repeats N] [--threads N] [--save]

For each path the images a second of N passes, after one that is not counted. The files lie in the page cache.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from record import Record, spread
from sklearn.datasets import load_sample_images

from raykd.data import Augmentation, Frame, ResizedCrop
from raykd.data.dataset import Dataset
from raykd.data.image_folder import ImageFolder
from raykd.data.synthetic import Synthetic

_IN_MEMORY = 20_000  # images of 32x32
_FILES = 192  # images of 500x375, about ImageNet's mean size
_QUALITY = 90
_COMPARED = ("memory, 32x32, crop and flip, batch 64", "files, resized crop to 224 and flip, batch 32")


def photographs(root: Path) -> None:
    """JPEG files cut at random places out of scikit-learn's two photographs, as a folder of two classes."""
    stream = np.random.default_rng(0)
    for label, pixels in enumerate(load_sample_images().images):
        for number in range(_FILES // 2):
            top, left = stream.integers(427 - 375 + 1), stream.integers(640 - 500 + 1)
            part = "val" if number % 6 == 0 else "train"
            path = root / part / str(label) / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[top : top + 375, left : left + 500]).save(path, quality=_QUALITY)


def epoch(dataset: Dataset, batch_size: int) -> Callable[[int], int]:
    """Reads an epoch's views; gives how many there were."""

    def read(number: int) -> int:
        return sum(len(batch.indices) for batch in dataset.batches(number, 0, batch_size))

    return read


def plain(dataset: Dataset, batch_size: int) -> Callable[[int], int]:
    def read(number: int) -> int:
        return sum(len(batch.indices) for batch in dataset.plain(dataset.train, batch_size))

    return read


def measure(read: Callable[[int], int], repeats: int) -> list[float]:
    """Images a second of each pass."""
    read(0)
    rates = []
    for number in range(1, repeats + 1):
        begun = time.perf_counter()
        images = read(number)
        rates.append(images / (time.perf_counter() - begun))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description="Images a second of each way to read a data set.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    record = Record("data")
    record.say(f"{options.threads} thread(s); Pillow {version('pillow')}, torchvision {version('torchvision')}")
    record.say(f"load average before: {os.getloadavg()[0]:.1f}")
    crops = Augmentation(padding=4, flip=True)
    resized = Augmentation(flip=True, resized=ResizedCrop())
    small = Synthetic(num_images=_IN_MEMORY, augmentation=crops).load()
    with tempfile.TemporaryDirectory() as folder:
        photographs(Path(folder))
        files = ImageFolder(root=folder, frame=Frame(), augmentation=resized).load()
        kilobytes = statistics.mean(files.train.images.lengths) / 1000
        record.say(f"files: {_FILES} JPEGs of 500x375 pixels, {kilobytes:.0f} kB on average, quality {_QUALITY}")
        paths = {
            _COMPARED[0]: epoch(small, 64),
            "memory, 32x32, crop and flip, batch 512": epoch(small, 512),
            "memory, 32x32, resized crop and flip, batch 512": epoch(replace(small, augmentation=resized), 512),
            "memory, 32x32, no augmentation, batch 512": plain(small, 512),
            _COMPARED[1]: epoch(files, 32),
            "files, middle at 224, batch 32": plain(files, 32),
        }
        rates = {name: measure(read, options.repeats) for name, read in paths.items()}
    for name, found in rates.items():
        record.say(f"images/s, {name}: {spread(found, 0)}")
    memory, jpeg = (statistics.median(rates[name]) for name in (_COMPARED))
    record.say(f"load average after: {os.getloadavg()[0]:.1f}")
    record.say(f"ratio {memory / jpeg:.1f}")
    if options.save:
        record.save()


if __name__ == "__main__":
    main()
