"""What slots and workers get out of the cores: images per second of a search over those of plain processes.

Claim: two slots, and two workers of one trial, train at least 0.9 times as many images per second as two independent
processes with the same loop and nothing around them; one slot with one worker at least 0.9 times as many as one process
with as many threads. In images per CPU-second of all processes, Ray's daemons and the driver among them, likewise.

    python benchmarks/scaling.py [--rounds N] [--images N] [--epochs N] [--save]

The trials train resnet8 on labels alone: no teacher runs, so that steps are short, which is the hardest to scale.
Batches are of 64 images, 32 for each of two workers. A plain process is `raykd.distill` alone, with one thread where
there are two; a single one has as many threads as there are cores, as the worker of a single slot has. A rate is that
from a run's first epoch's end to its last one's: with a search's own doings between epochs (Tune, checkpoints,
TensorBoard), without its start. In each round all five follow each other, and a ratio is that of a round's own
numbers. Wall time: on a machine that others use too, read the spread. Ray's workers run at the niceness of everything
else. CPU time is counted from the first epoch that ends in a search to the last; the baselines, one of which has a
tiny teacher, are counted as trials there. The last line is the smallest of the medians of wall and of CPU ratios.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from record import Record, spread
from search_rate import Watch

from raykd.cluster.tune import tune  # before Ray: it sets what Ray reads when it is imported

# isort: split
import torch

from raykd.data import Augmentation
from raykd.data.synthetic import Synthetic
from raykd.methods.cross_entropy import CrossEntropy
from raykd.models.cifar_resnet import ResNet
from raykd.models.cnn import CNN
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.studies.study import Study
from raykd.teachers.trained import Teacher
from raykd.training.loop import distill

LIMIT = 0.9
_PATHS = ("optimiser/lr", "optimiser/nesterov", "optimiser/weight_decay", "terms/cross_entropy/weight")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Epochs per second of wall time, and of CPU time."""

    wall: float
    cpu: float

    def words(self, images: int) -> str:
        """In images, of which an epoch has so many."""
        return f"{self.wall * images:.0f} ({self.cpu * images:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of all five (default: 3)")
    parser.add_argument("--images", type=int, default=1024, metavar="N", help="of an epoch (default: 1024)")
    parser.add_argument("--epochs", type=int, default=6, metavar="N", help="of a run, at least 2 (default: 6)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    os.environ.update({"RAY_worker_niceness": "0"})
    record, study = Record("scaling"), _study(options.images, options.epochs)
    record.say(f"load average before: {os.getloadavg()[0]:.1f}")
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, options.rounds + 1):
            found = _round(study, Path(folder), f"round-{number}")
            words = [f"{name} {rate.words(options.images)}" for name, rate in found.items()]
            record.say(f"round {number}, images/s (and per CPU-second): {', '.join(words)}")
            for name, beside in (("1 slot", "1 process"), ("2 slots", "2 processes"), ("2 workers", "2 processes")):
                for kind in ("wall", "cpu"):
                    ratio = getattr(found[name], kind) / getattr(found[beside], kind)
                    ratios.setdefault(f"{name} over {beside}, {kind}", []).append(ratio)
    for name, values in ratios.items():
        record.say(f"{name}: {spread(values, 2)}; target {LIMIT}")
    record.say(f"load average after: {os.getloadavg()[0]:.1f}")
    record.say(f"ratio {min(map(statistics.median, ratios.values())):.2f}")
    if options.save:
        record.save()


def _study(images: int, epochs: int) -> Study:
    """Trials that are all alike, and none of which is stopped."""
    recipe = Recipe(
        data=Synthetic(num_images=images, held_out=64, augmentation=Augmentation(padding=4, flip=True)),
        student=ResNet(depth=8),
        teacher=Teacher(model=CNN(widths=(4, 4)), epochs=1),  # for the baseline alone
        terms=(CrossEntropy(),),
        epochs=epochs,
        batch_size=64,
    )
    return Study(recipe=recipe, ranges=dict.fromkeys(_PATHS), grace=epochs, name="scaling", confirm=0)


def _round(study: Study, folder: Path, name: str) -> dict[str, Rate]:
    """Of all slots or processes together."""
    return {
        "2 processes": _plain(study.recipe, folder, 2),
        "2 slots": _searched(study, folder, f"{name}-slots", trials=2, slots=2, workers=1),
        "2 workers": _searched(study, folder, f"{name}-workers", trials=1, slots=1, workers=2),
        "1 process": _plain(study.recipe, folder, 1),
        "1 slot": _searched(study, folder, f"{name}-slot", trials=1, slots=1, workers=1),
    }


def _searched(study: Study, folder: Path, name: str, *, trials: int, slots: int, workers: int) -> Rate:
    watch = Watch()
    tune(
        study,
        trials=trials,
        slots=slots,
        workers=workers,
        storage=folder,
        name=name,
        address="local",
        listeners=[watch],
    )
    return Rate(wall=slots * watch.epochs_per_second(), cpu=watch.epochs_per_cpu_second())


def _plain(recipe: Recipe, folder: Path, count: int) -> Rate:
    """So many processes at once."""
    spawned = multiprocessing.get_context("spawn")
    begin, found, threads = spawned.Barrier(count), spawned.Queue(), max(1, (os.cpu_count() or 1) // count)
    processes = [spawned.Process(target=_train, args=(recipe, folder, threads, begin, found)) for _ in range(count)]
    for process in processes:
        process.start()
    rates = [found.get() for _ in processes]
    for process in processes:
        process.join()
    return Rate(wall=sum(rate.wall for rate in rates), cpu=statistics.mean(rate.cpu for rate in rates))


def _train(recipe: Recipe, folder: Path, threads: int, begin: Barrier, found: "Queue[Rate]") -> None:
    torch.set_num_threads(threads)
    run = distill(recipe, store=Store(folder / "artifacts"), device="cpu")
    next(run)
    begin.wait()
    begun, used = time.monotonic(), time.process_time()
    count = sum(1 for _ in run)
    found.put(Rate(wall=count / (time.monotonic() - begun), cpu=count / (time.process_time() - used)))


if __name__ == "__main__":
    main()
