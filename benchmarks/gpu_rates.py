"""The part of gpu.py without Ray: images per second, the 240-epoch recipe, and the share of the device's peak."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from plain_loop import kd_loss
from record import Record, spread
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchdistill_kd import Images, crop_and_flip

from raykd.data import Augmentation
from raykd.data.dataset import load
from raykd.data.synthetic import Synthetic
from raykd.optim import SGD
from raykd.protocols.model import ModelSpec
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.studies.published import PLAIN_KD
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.training.loop import distill

NUM_CLASSES, IMAGE = 100, (3, 32, 32)
EPOCHS = 240
TARGET_S = 300.0
RIVAL, COLD, WARM = "plain loop, torchvision's loader", "raykd, cold", "raykd, warm"
_KD = {"temperature": 4.0, "labels": 0.1, "softened": 0.9}

# Dense float32 and TF32 operations a second, by the makers' data sheets (H100 and H200: the SXM modules).
_PEAKS = {
    "H100 PCIe": (51e12, 378e12),
    "H100": (67e12, 494.7e12),
    "H200": (67e12, 494.7e12),
    "A100": (19.5e12, 156e12),
}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured.

    Args:
        images: of the training split of the 240-epoch recipe.
        steps: of an epoch in the comparison of rates.
        measured: epochs of the recipe that are trained.
        loaders: processes of torchvision's loader.
    """

    device: torch.device
    teacher: ModelSpec
    student: ModelSpec
    batches: tuple[int, ...]
    images: int
    steps: int
    rounds: int
    measured: int
    loaders: int

    def recipe(self, batch: int, images: int, epochs: int) -> Recipe:
        """KD by the reference benchmark's recipe on CIFAR-shaped data, from a teacher of random weights."""
        crops = Augmentation(padding=4, flip=True)
        return Recipe(
            data=Synthetic(num_classes=NUM_CLASSES, num_images=images, held_out=NUM_CLASSES, augmentation=crops),
            student=self.student,
            teacher=PretrainedTeacher(file=None, model=self.teacher, minimum_accuracy=0.0),
            terms=PLAIN_KD,
            optimiser=SGD(lr=1e-6),  # nothing is to diverge, as a random teacher may have it
            epochs=epochs,
            batch_size=batch,
        )


def compare_rates(sizes: Sizes, folder: Path, record: Record) -> dict[int, dict[str, float]]:
    """Images per second by batch size and contender, medians."""
    found: dict[int, dict[str, float]] = {}
    for batch in sizes.batches:
        turns = dict(_contenders(sizes, batch, folder / f"batch-{batch}"))
        rates: dict[str, list[float]] = {name: [] for name in turns}
        for number in range(sizes.rounds + 1):
            for name, turn in turns.items():
                seconds = _timed(turn, sizes.device)
                if number:
                    rates[name].append(batch * sizes.steps / seconds)
        found[batch] = {name: statistics.median(values) for name, values in rates.items()}
        for name, values in rates.items():
            times = found[batch][name] / found[batch][RIVAL]
            record.say(f"batch {batch}, {name}: images/s {spread(values, 0)}, {times:.2f} x the plain loop's")
    return found


def train_recipe(sizes: Sizes, folder: Path, record: Record) -> None:
    """The time of the 240-epoch recipe where the store is warm."""
    recipe = sizes.recipe(64, sizes.images, EPOCHS)
    cold, warm = (distill(recipe, store=Store(folder), device=sizes.device) for _ in range(2))
    filling = [_timed(lambda: next(cold), sizes.device) for _ in range(sizes.measured)]
    seconds = [_timed(lambda: next(warm), sizes.device) for _ in range(sizes.measured)]
    rest = statistics.median(seconds[1:])
    whole = seconds[0] + rest * (EPOCHS - 1)
    record.say(f"{sizes.images} images, batch 64, an epoch that fills the store: {spread(filling[1:], 2)} s")
    record.say(
        f"the same, warm: {spread(seconds[1:], 2)} s; the first one, with all that it builds, {seconds[0]:.2f} s"
    )
    record.say(
        f"{EPOCHS} epochs warm take {whole:.0f} s, extrapolated from {sizes.measured} epochs; target {TARGET_S:.0f} s"
    )


def share_of_peak(sizes: Sizes, rates: dict[int, dict[str, float]], record: Record) -> None:
    """What share of the device's stated peak each rate is, by the operations that a step needs."""
    teacher, student = _networks(sizes)
    images = torch.randn(8, *IMAGE, device=sizes.device)
    targets = torch.zeros(8, dtype=torch.int64, device=sizes.device)
    with FlopCounterMode(display=False) as both:
        kd_loss(teacher, student, images, targets, **_KD).backward()
    with FlopCounterMode(display=False) as alone:
        student(images).sum().backward()
    needed = {WARM: alone.get_total_flops() / 8, COLD: both.get_total_flops() / 8, RIVAL: both.get_total_flops() / 8}
    name = torch.cuda.get_device_name() if sizes.device.type == "cuda" else "the CPU"
    peaks = next((value for known, value in _PEAKS.items() if all(word in name for word in known.split())), None)
    for batch, found in rates.items():
        for contender, flops in needed.items():
            used = found[contender] * flops
            words = f"batch {batch}, {contender}: {flops / 1e6:.0f} MFLOP an image, {used / 1e12:.2f} TFLOP/s"
            if peaks is not None:
                words += f", {used / peaks[0]:.1%} of float32's peak, {used / peaks[1]:.1%} of TF32's"
            record.say(words)
    if peaks is None:
        record.say(f"no peak is known here of {name}: no share of it is stated")


def _contenders(sizes: Sizes, batch: int, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    recipe = sizes.recipe(batch, batch * sizes.steps, sizes.rounds + 1)

    def ours(name: str, room: int | None = None) -> Callable[[], object]:
        run = distill(recipe, store=Store(folder / name, room=room), device=sizes.device)
        return lambda: next(run)

    filling = ours("warm")
    for _ in range(recipe.epochs):
        filling()
    yield RIVAL, _plain(sizes, recipe, batch)
    yield COLD, ours("cold", 0)
    yield WARM, ours("warm")


def _plain(sizes: Sizes, recipe: Recipe, batch: int) -> Callable[[], object]:
    """An epoch of the same arithmetic with torchvision's views from a DataLoader of several processes."""
    train = load(recipe.data, torch.device("cpu")).train
    views = crop_and_flip(IMAGE[1], 4, (0.5,) * 3, (0.25,) * 3)
    options: dict[str, Any] = {"num_workers": sizes.loaders, "persistent_workers": sizes.loaders > 0}
    pinned = sizes.device.type == "cuda"
    loader = DataLoader(
        Images(train.images, train.labels, views), batch, shuffle=True, drop_last=True, pin_memory=pinned, **options
    )
    teacher, student = _networks(sizes)
    optimiser = torch.optim.SGD(student.parameters(), 1e-6, 0.9, weight_decay=5e-4)

    def epoch() -> None:
        for images, targets in loader:
            images, targets = (part.to(sizes.device, non_blocking=True) for part in (images, targets))
            loss = kd_loss(teacher, student, images, targets, **_KD)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()

    return epoch


def _networks(sizes: Sizes) -> tuple[nn.Module, nn.Module]:
    teacher, student = (
        spec.build(NUM_CLASSES, IMAGE).network.to(sizes.device) for spec in (sizes.teacher, sizes.student)
    )
    return teacher.eval().requires_grad_(False), student.train()


def _timed(turn: Callable[[], object], device: torch.device) -> float:
    """Seconds, with all that the device has still to do."""
    begun = time.perf_counter()
    turn()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun
