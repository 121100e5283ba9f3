"""A training step of KD: raykd's against torchdistill 1.1.5's own loop, on the two pairs that papers train most.

Claim: where the teacher's outputs are kept (warm), a step of raykd trains at least 3.3 times as many images in a
CPU-second as torchdistill's loop over batches that were prepared for it, and at least 1.2 times as many where the
teacher runs in every step (cold), for resnet32x4 to resnet8x4 and for resnet110 to resnet20.

    pip install --target FOLDER --no-deps torchdistill==1.1.5 pyyaml
    PYTHONPATH=FOLDER python benchmarks/step.py [--pairs NAME ...] [--rounds N] [--steps N] [--save]

CPU, float32, one thread, batches of 64, random images of CIFAR's shape, crops of 4 pixels' padding and flips. A round
gives an epoch of some steps to each contender in turn, so that what else the machine does falls on all alike; CPU time
is the process's own. torchdistill's teacher is put into eval mode. It is given once what its users give it,
torchvision's transforms through a DataLoader, and once ready normalised batches, for which it pays nothing: that is
what raykd, which pays for its views and for its validation (of two images), is compared with. Its resnet110 and
resnet20 are its own networks; for the other pair, which it lacks, it trains raykd's plain networks.

Cold: the teacher runs, nothing is kept. Filling: it runs, and its outputs are written to an empty store. Warm: all
outputs of these epochs are in the store, as a search's second trial finds them. The last line is the ratio of warm KD
to torchdistill over prepared batches, the smaller of the two pairs.
"""

import argparse
import contextlib
import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from record import Record, spread
from torch import nn
from torchdistill_kd import Images, check_installed, crop_and_flip, kd_box, train_epoch

from methods import Noise
from raykd.data.dataset import load
from raykd.errors import InvalidError
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.ops.precision import BFLOAT16, FLOAT32, check_precision
from raykd.optim import SGD
from raykd.protocols.method import Swap, TermSpec
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.studies.published.cifar100 import IMAGE, NUM_CLASSES
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.training.loop import distill

BATCH = 64
RIVAL, RIVAL_WITH_LOADER = "torchdistill, prepared batches", "torchdistill, torchvision's loader"
COLD, FILLING, WARM = "KD, cold", "KD, filling", "KD, warm"
ALONE, QUEST, SWAPPED = "student alone", "QUEST K 4096 + CE", "IAKD + CE"
LIVE = "live"  # the store that keeps nothing of what a teacher says
_NO_SWAP = NoSwap()
Turn = Callable[[], int]  # an epoch; gives the images that it trained on


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A teacher and a student, and the networks that torchdistill has of them."""

    teacher: ResNet
    student: ResNet
    own: tuple[str, str] | None = None

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Plain networks for torchdistill."""
        if self.own is None:
            return self.teacher.build(NUM_CLASSES, IMAGE).network, self.student.build(NUM_CLASSES, IMAGE).network
        module: Any = importlib.import_module("torchdistill.models.classification.resnet")
        teacher, student = (getattr(module, name)(num_classes=NUM_CLASSES) for name in self.own)
        return teacher, student


PAIRS = {
    "resnet32x4-resnet8x4": Pair(teacher=ResNet(depth=32, widths=WIDE), student=ResNet(depth=8, widths=WIDE)),
    "resnet110-resnet20": Pair(teacher=ResNet(depth=110), student=ResNet(depth=20), own=("resnet110", "resnet20")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS), help="which (default: both)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="epochs of each that count (default: 5)")
    parser.add_argument("--steps", type=int, default=4, metavar="N", help="of such an epoch (default: 4)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    version = check_installed()
    torch.set_num_threads(1)
    record, ratios = Record("step"), list[float]()
    record.say(f"torchdistill {version}; batches of {BATCH}, {options.steps} steps a round, 1 thread, float32, CPU")
    for name in options.pairs:
        record.say(f"{name}:")
        ratios.append(_compare(PAIRS[name], options, record))
    record.say(f"load average, of this and all else on the machine: {os.getloadavg()[0]:.1f}")
    record.say(f"ratio {min(ratios):.2f}")
    if options.save:
        record.save()


def _compare(pair: Pair, options: argparse.Namespace, record: Record) -> float:
    """The ratio of warm KD to torchdistill over prepared batches."""
    with tempfile.TemporaryDirectory() as folder:
        turns = dict(_turns(pair, Path(folder), options))
        rates: dict[str, list[float]] = {name: [] for name in turns}
        for number in range(options.rounds + 1):
            print(f"round {number}", file=sys.stderr, flush=True)
            for name, turn in turns.items():
                begun = time.process_time()
                images = turn()
                if number:  # the first one warms up caches and allocators
                    rates[name].append(images / (time.process_time() - begun))
    middle = {name: statistics.median(found) for name, found in rates.items()}
    for name, found in rates.items():
        times = middle[name] / middle[RIVAL]
        record.say(f"    {name:34} images/CPU-s {spread(found, 1)}, {times:.2f} x torchdistill's")
    for name, target in ((WARM, 3.3), (COLD, 1.2)):
        paired = [own / other for own, other in zip(rates[name], rates[RIVAL], strict=True)]
        record.say(f"    {name} over torchdistill, round by round: {spread(paired, 2)}; target {target}")
    record.say(f"    QUEST's step takes {middle[COLD] / middle[QUEST]:.2f} times KD's, cold; target 1.25")
    return middle[WARM] / middle[RIVAL]


def _turns(pair: Pair, folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, Turn]]:
    """By contender what gives it one more epoch; each is made, and the warm store filled, before any is timed."""
    data = Noise(num_images=BATCH * options.steps, held_out=2)
    epochs = options.rounds + 1
    yield from _rivals(pair, data)

    def ours(terms: tuple[TermSpec, ...], store: str, swap: Swap = _NO_SWAP, precision: str = FLOAT32) -> Turn:
        recipe = Recipe(
            data=data,
            student=pair.student,
            teacher=PretrainedTeacher(file=None, model=pair.teacher, minimum_accuracy=0.0),
            terms=terms,
            swap=swap,
            precision=precision,
            optimiser=SGD(lr=1e-6),  # nothing is to diverge, as a random teacher may have it
            epochs=epochs,
            batch_size=BATCH,
        )
        run = distill(recipe, store=Store(folder / store, room=0 if store == LIVE else None), device="cpu")
        return lambda: next(run).number and data.num_images

    kd = (CrossEntropy(weight=0.1), KD(weight=0.9))
    warming = ours(kd, "warm")
    for number in range(epochs):
        print(f"filling the store, epoch {number + 1} of {epochs}", file=sys.stderr, flush=True)
        warming()
    yield COLD, ours(kd, LIVE)
    yield FILLING, ours(kd, "filling")
    yield WARM, ours(kd, "warm")
    yield ALONE, ours((CrossEntropy(),), LIVE)
    yield QUEST, ours((CrossEntropy(), Quest(words=4096, iterations=1)), LIVE)
    with contextlib.suppress(InvalidError):  # of a processor that has no instructions for it
        check_precision(BFLOAT16, torch.device("cpu"))
        yield f"{COLD}, bfloat16", ours(kd, LIVE, precision=BFLOAT16)
        yield f"{ALONE}, bfloat16", ours((CrossEntropy(),), LIVE, precision=BFLOAT16)
    yield SWAPPED, ours((CrossEntropy(),), LIVE, IAKD(schedule="uniform", start=0.5, solo=0.0))


def _rivals(pair: Pair, data: Noise) -> Iterator[tuple[str, Turn]]:
    """Torchdistill with torchvision's loader, and with batches that are ready."""
    dataset = load(data, torch.device("cpu"))
    views = crop_and_flip(IMAGE[1], 4, dataset.mean, dataset.std)
    images = Images(dataset.train.images, dataset.train.labels, views)
    ready = [(batch.images.contiguous(), batch.targets, {}) for batch in dataset.batches(0, 0, BATCH)]
    with_loader, prepared = (kd_box(*pair.networks(), images, lr=1e-6, batch_size=BATCH) for _ in range(2))
    yield RIVAL_WITH_LOADER, lambda: train_epoch(with_loader)
    yield RIVAL, lambda: train_epoch(prepared, batches=ready)


if __name__ == "__main__":
    main()
