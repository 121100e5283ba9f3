"""Workers that start at once on one folder: how often they look at its files, and how much they read of them.

Claim: what a worker asks of the file system when it starts does not grow with the number of pictures: the process that
starts the search has listed them (`raykd/data/listed.py`). And of a teacher's route the workers of a machine read no
more than what they train by, all but the first: that one finds the sums right for all (`raykd/storage/verified.py`).

    python benchmarks/herd.py [--workers N] [--pictures N] [--save]

Each worker is a process that was sent a recipe with an `ImageFolder`, loads the data set, and reads one of the
checkpoints of a route. `alone` is as it was before: each lists the folder and checks the route's sums for itself.
Counted in the workers: `stats` are calls of stat and lstat, `opens` those of open and of scandir, `bytes` are what the
kernel counts as read (`rchar` in /proc/self/io), wherever it comes from. Files lie on a local disk; on a network's each
of these may be a question to its server. The counts do not depend on the machine's speed. The last line is of workers
that share, the mean over them; growth is their stats with twice the pictures over those with half.
"""

import argparse
import multiprocessing
import os
import pickle
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from record import Record

from raykd.data import Frame, listed
from raykd.data.image_folder import ImageFolder
from raykd.storage import verified
from raykd.storage.artifacts import Store

CLASSES, CHECKPOINTS, CHECKPOINT_BYTES = 10, 8, 8 * 2**20
_KIND, _KEY = "teacher_route", "0" * 32


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a worker asked of the file system."""

    stats: int
    opens: int
    bytes: int


def count() -> Counter[str]:
    """Counts this process's calls from now on."""
    counts = Counter[str]()
    for name in ("stat", "lstat"):
        setattr(os, name, _counting(getattr(os, name), counts))
    sys.addaudithook(lambda event, _: counts.update(["opens"] if event in ("open", "os.scandir") else []))
    return counts


def _counting(call: Callable[..., Any], counts: Counter[str]) -> Callable[..., Any]:
    def counting(*path: Any, **options: Any) -> Any:
        counts["stats"] += 1
        return call(*path, **options)

    return counting


def read_bytes() -> int:
    """What this process has read until now."""
    return int(Path("/proc/self/io").read_text().split()[1])


def work(sent: bytes, store: Path, alone: bool, together: Any, answers: Any) -> None:
    """A worker's start; it has a folder for temporary files of its own, or one with the others."""
    tempfile.tempdir = str(store.parent)
    if alone:
        tempfile.tempdir = tempfile.mkdtemp()
    else:
        listed.become_worker()
    together.wait()
    counts, before = count(), read_bytes()
    data: ImageFolder = pickle.loads(sent)
    dataset, digest = data.load(), data.contents()
    route = Store(store).get(_KIND, _KEY, _no_route)
    (route / "checkpoint-0").read_bytes()
    stats, opens = counts["stats"], counts["opens"]
    answers.put((Counted(stats=stats, opens=opens, bytes=read_bytes() - before), len(dataset.train), digest))


def _no_route(folder: Path) -> None:
    raise AssertionError("it was made before")


def measured(workers: int, pictures: int, alone: bool) -> list[Counted]:
    """What each worker asked for, in a folder of its own that a driver has prepared."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["raykd.data.image_folder", "raykd.storage.verified"])
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder, "pictures"), Path(folder, "cache")
        write(root, pictures)
        data = ImageFolder(root=str(root), cache=str(cache), frame=Frame(resize=8, size=8))
        expected = len(data.load().train), data.contents()
        Store(cache).get(_KIND, _KEY, write_route)
        time.sleep(verified._SETTLED_S + 1)
        together, answers = context.Barrier(workers), context.SimpleQueue()
        arguments = (pickle.dumps(data), cache, alone, together, answers)
        started = [context.Process(target=work, args=arguments) for _ in range(workers)]
        for process in started:
            process.start()
        found = [answers.get() for _ in started]
        for process in started:
            process.join()
    assert all(told[1:] == expected for told in found), "all have the same data"
    return [told[0] for told in found]


def write(root: Path, pictures: int) -> None:
    for part in ("train", "val"):
        for number in range(pictures // 2):
            file = root / part / str(number % CLASSES) / f"{number:06d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number % 256, number // 256, 255 * (part == "val"))).save(file)


def write_route(folder: Path) -> None:
    for number in range(CHECKPOINTS):
        (folder / f"checkpoint-{number}").write_bytes(os.urandom(CHECKPOINT_BYTES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    record, sizes = Record("herd"), (options.pictures // 2, options.pictures)
    route = CHECKPOINTS * CHECKPOINT_BYTES / 1e6
    record.say(f"{options.workers} workers at once; a route of {CHECKPOINTS} checkpoints, {route:.0f} MB in all")
    means: dict[tuple[bool, int], Counted] = {}
    for alone in (True, False):
        for pictures in sizes:
            found = measured(options.workers, pictures, alone)
            stats, opens, read = ([getattr(one, of) for one in found] for of in ("stats", "opens", "bytes"))
            mean = [round(statistics.mean(values)) for values in (stats, opens, read)]
            means[alone, pictures] = Counted(stats=mean[0], opens=mean[1], bytes=mean[2])
            record.say(
                f"{'alone' if alone else 'shared'}, {pictures} pictures: stats {_range(stats)}, opens {_range(opens)}, "
                f"bytes {_range(read)}"
            )
    for alone in (True, False):
        half, whole = (means[alone, pictures] for pictures in sizes)
        line = f"per worker: stats {whole.stats}, bytes {whole.bytes}, growth {whole.stats / half.stats:.2f}"
        record.say(f"alone, {line}" if alone else line)
    if options.save:
        record.save()


def _range(values: list[int]) -> str:
    return f"{round(statistics.mean(values))} ({min(values)} to {max(values)})"


if __name__ == "__main__":
    main()
