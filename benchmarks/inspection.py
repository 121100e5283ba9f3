"""What it costs to look into all pictures before they are trained on, and what a look at headers alone would miss.

Claim: to look into all pictures takes no longer than to read them once for training, and less than a hundredth of that
as long as none of them changes. `Image.verify` of Pillow is faster, and lets torn files of most kinds through.

    python benchmarks/inspection.py [--repeats N] [--save]

CPU seconds of this process with all its threads, as the machine may be shared; the files lie in the page cache. The
first look is into a new cache each time, the second one finds it there, as another process does.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from record import Record, spread
from sklearn.datasets import load_sample_images

from raykd.data import Files, Frame
from raykd.data import inspection as looks
from raykd.data.inspection import inspect, states
from raykd.data.views.pixels import Pixels

_SETS = ((600, "png", (64, 64)), (600, "jpg", (64, 64)), (10_000, "jpg", (500, 375)))
_DIFFERENT = 200  # pictures, each of which is there many times, with other bytes after its end
_KINDS = ("jpg", "png", "webp", "tif", "bmp", "gif", "ppm")


def written(root: Path, count: int, ending: str, size: tuple[int, int]) -> tuple[str, ...]:
    """Pictures that are cut at random places out of scikit-learn's two photographs; their names."""
    stream, contents = np.random.default_rng(0), list[bytes]()
    kind = {"jpg": "JPEG"}.get(ending, ending.upper())
    for number in range(min(count, _DIFFERENT)):
        pixels = load_sample_images().images[number % 2]
        top, left = stream.integers(427 - size[1] + 1), stream.integers(640 - size[0] + 1)
        file = BytesIO()
        Image.fromarray(pixels[top : top + size[1], left : left + size[0]]).save(file, kind)
        contents.append(file.getvalue())
    root.mkdir()
    names = tuple(f"{number:05d}.{ending}" for number in range(count))
    for number, name in enumerate(names):
        (root / name).write_bytes(contents[number % len(contents)] + f"{number:05d}".encode())
    return names


def first_look(root: Path, names: tuple[str, ...], cache: Path) -> None:
    looks._inspected.clear()  # as in another process
    found = inspect(root, states(root, names), Pixels(), cache)
    assert not found.bad, found.bad


def read_once(root: Path, names: tuple[str, ...]) -> None:
    """As an epoch without augmentation does, to squares of 224 pixels."""
    files = Files(root, names, tuple((root / name).stat().st_size for name in names), Frame())
    for _ in files.read(torch.arange(len(files)).split(64)):
        pass


def verify(root: Path, names: tuple[str, ...]) -> None:
    for name in names:
        with Image.open(root / name) as picture:
            picture.verify()


def cpu_seconds(action: Callable[[], object]) -> float:
    begun = time.process_time()
    action()
    return time.process_time() - begun


def missed(folder: Path) -> tuple[list[str], list[str]]:
    """Of files that lack their last tenth those that `verify` lets through, and those that raykd does."""
    folder.mkdir()
    names = [f"torn.{ending}" for ending in _KINDS]
    for name in names:
        file = folder / name
        Image.fromarray(load_sample_images().images[0][:64, :64]).save(file)
        file.write_bytes(file.read_bytes()[: file.stat().st_size * 9 // 10])
    bad = inspect(folder, states(folder, names), Pixels(), None).bad
    return [name for name in names if passes(folder / name)], [name for name in names if name not in bad]


def passes(file: Path) -> bool:
    try:
        verify(file.parent, (file.name,))
    except Exception:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    parser.add_argument("--save", action="store_true", help="keep the record in benchmarks/results")
    options = parser.parse_args()
    record = Record("inspection")
    record.say(f"Pillow {version('pillow')}, {torch.get_num_threads()} threads; CPU seconds; the machine was shared")
    with tempfile.TemporaryDirectory() as folder:
        for count, ending, size in _SETS:
            root = Path(folder) / f"{count}-{ending}"
            names = written(root, count, ending, size)
            times: dict[str, list[float]] = {}
            for number in range(options.repeats):  # in turns, so that whoever shares the machine is met by all
                cache = Path(folder) / f"cache-{count}-{ending}-{number}"
                for words, action in {
                    "first look": lambda: first_look(root, names, cache),  # noqa: B023 - called at once
                    "second look": lambda: first_look(root, names, cache),  # noqa: B023
                    "read once for training": lambda: read_once(root, names),  # noqa: B023
                    "Image.verify": lambda: verify(root, names),  # noqa: B023
                }.items():
                    times.setdefault(words, []).append(cpu_seconds(action))
            for words, seconds in times.items():
                record.say(f"{count} {ending} of {size[0]} x {size[1]}, {words}: {spread(seconds)}")
        through, ours = missed(Path(folder) / "torn")
        passed, own = (", ".join(names) or "none" for names in (through, ours))
        record.say(f"without the last tenth and let through: by Image.verify {passed}; by raykd {own}")
    if options.save:
        print(record.save())


if __name__ == "__main__":
    main()
