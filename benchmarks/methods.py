"""What a training step of each method costs beside that of the student alone, on one pair of networks.

Claim: none. A table of images per second and of the memory that a step takes, for every method that is offered for
resnet32x4 to resnet8x4 on CIFAR-100 (`raykd.studies.published.cifar100`), at its published setting.

    python benchmarks/methods.py [--device cpu] [--batch 64] [--rounds N] [--steps N] [--save]

Random images, a teacher of random weights. A round times some steps of each method in turn, so that what else the
machine does falls on all alike: compare medians, and mind the spread. The memory is the most that a step holds above
what was held before it, by PyTorch's own count of its tensors. Left out: AB and FSP, whose steps after their first
stage are the student's alone, and RCO, whose steps are KD's; what methods make once, before the first step, is not
counted.
"""

import argparse
import dataclasses
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from record import Record, spread
from torch.profiler import ProfilerActivity, profile

from raykd.data import Augmentation, Split
from raykd.data.dataset import Dataset
from raykd.distributed.world import World
from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.space.ranges import override
from raykd.storage.artifacts import Store
from raykd.studies.choices import changes
from raykd.studies.published.cifar100 import IMAGE, NUM_CLASSES, NUM_IMAGES, benchmark
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.training.run import Run

ALONE = "student alone"
FEW = 256  # images, for what a method makes of all of them; CRD's banks hold as many as CIFAR-100's
SLOW = {"optimiser/lr": 1e-6}  # nothing is to diverge, as a random teacher may have it
SHORT = {
    "ft": {"terms/ft/first_stage/epochs": 1, "terms/ft/first_stage/optimiser/lr": 1e-6},
    "quest": {"terms/quest/iterations": 1},
}
STARTS = ("ab", "fsp")


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Random images of 100 classes, `held_out` of them for validation, and as many for the test."""

    name: ClassVar[str] = "noise"
    num_images: int = FEW
    held_out: int = NUM_CLASSES

    def load(self) -> Dataset:
        stream = torch.Generator().manual_seed(0)

        def split(size: int) -> Split:
            images = torch.randint(256, (size, *IMAGE), generator=stream, dtype=torch.uint8)
            return Split(images, torch.arange(size) % NUM_CLASSES)

        return Dataset(
            train=split(self.num_images),
            validation=split(self.held_out),
            test=split(self.held_out),
            num_classes=NUM_CLASSES,
            mean=(0.5,) * 3,
            std=(0.25,) * 3,
            augmentation=Augmentation(padding=4, flip=True),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="images of a step (default: 64)")
    parser.add_argument("--rounds", type=int, default=6, metavar="N", help="times that each is timed (default: 6)")
    parser.add_argument("--steps", type=int, default=1, metavar="N", help="steps of a round (default: 1)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record = Record("methods")
    threads = f", {torch.get_num_threads()} threads" if options.device == "cpu" else ""
    record.say(f"resnet32x4 to resnet8x4, batches of {options.batch}, on {options.device}{threads}")
    with tempfile.TemporaryDirectory() as folder:
        runs = dict(_runs(Store(Path(folder)), options))
        memory = {name: _peak_mib(run) for name, run in runs.items()}
        rates: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(options.rounds):
            for name, run in runs.items():
                rates[name].append(_rate(run, number))
    for name, found in sorted(rates.items(), key=lambda item: -statistics.median(item[1])):
        times = statistics.median(rates[ALONE]) / statistics.median(found)
        record.say(f"{name:16} images/s {spread(found, 1)}, {times:.2f} x a step alone, peak {memory[name]:.0f} MiB")
    slowest = min(rates, key=lambda name: statistics.median(rates[name]))
    ratio = statistics.median(rates[ALONE]) / statistics.median(rates[slowest])
    kd = statistics.median(rates[ALONE]) / statistics.median(rates["kd"])
    record.say(f"KD takes {kd:.2f} times the student's own step, the slowest method ({slowest}) {ratio:.2f} times")
    if options.save:
        record.save()


def _runs(store: Store, options: argparse.Namespace) -> Iterator[tuple[str, Run]]:
    """A live run for the student alone and for each method, over as many images as a round has."""
    teacher = PretrainedTeacher(file=None, model=ResNet(depth=32, widths=WIDE), minimum_accuracy=0.0)
    study = benchmark(teacher, ResNet(depth=8, widths=WIDE))
    images = options.batch * options.steps
    plain = override(study.recipe, SLOW | {"data": Noise(num_images=max(FEW, images)), "batch_size": options.batch})
    methods = {name: group for name, group in study.choices["method"].items() if name not in STARTS}
    recipes = {name: override(plain, changes(plain, name, methods, name) | SHORT.get(name, {})) for name in methods}
    recipes["crd"] = override(recipes["crd"], {"data": Noise(num_images=NUM_IMAGES)})
    for name, recipe in ({ALONE: plain.alone()} | recipes).items():
        print(f"making {name}", file=sys.stderr, flush=True)
        run = Run(recipe, store, World.alone(torch.device(options.device)), lambda line: None)
        run.advance(0)
        _shorten(run, images)
        yield name, run


def _shorten(run: Run, images: int) -> None:
    """Leaves an epoch so many images, whatever the method has made of all."""
    indices = torch.arange(images, device=run.dataset.train.images.device)
    run.dataset = dataclasses.replace(run.dataset, train=run.dataset.train.take(indices))


def _rate(run: Run, epoch: int) -> float:
    """Images per second of an epoch of the loop; IAKD draws other stages in each."""
    begun = time.perf_counter()
    run.train(epoch)  # ends with reading the losses from the device
    return len(run.dataset.train) / (time.perf_counter() - begun)


def _peak_mib(run: Run) -> float:
    """The most that an epoch holds above what was there before, in MiB, after one that warms up."""
    run.train(0)
    if run.dataset.device.type == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run.train(0)
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run.train(0)
    assert profiler.profiler is not None and profiler.profiler.kineto_results is not None
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    in_order = sorted(events, key=lambda event: event.start_ns())
    sizes = (event.nbytes() for event in in_order)  # pyright: ignore[reportAttributeAccessIssue]
    return max(itertools.accumulate(sizes, initial=0)) / 2**20


if __name__ == "__main__":
    main()
