"""What it costs in accuracy to show the same few resized crops of each image again and again, instead of new ones.

Claim: none is made beforehand. `Augmentation(views=N)` lets the view of epoch e be that of epoch e modulo N, so that
what the teacher says of N views serves all epochs; this measures what that takes from the student.

    python benchmarks/recycled_views.py [--epochs N] [--seeds N] [--save]

Fashion-MNIST (Debian's package `dataset-fashion-mnist`), 5,000 images, crops of 25 to 100 % of the area and flips, KD
of weight 0.9 at temperature 4 beside the labels, a CNN of 8-16-32 channels taught by one of 32-64-128 that was trained
once, on new views. Validation accuracy on 5,000 images after the last epoch; the seeds are paired. The interval is that
of the mean difference to new views in each epoch, 95 %, by Student's t. The last line is the mean difference, in
points, for the largest N.
"""

import argparse
import dataclasses
import statistics
import tempfile
from pathlib import Path

import torch
from record import Record
from scipy import stats

from raykd.data import Augmentation
from raykd.data.fashion_mnist import FashionMNIST
from raykd.data.views.resized_crop import ResizedCrop
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.models.cnn import CNN
from raykd.protocols.teacher import teacher_route
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.storage.tensors import save_safetensors
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.teachers.trained import Teacher
from raykd.training.loop import distill

VIEWS = (2, 4, 8)
CROPS = Augmentation(resized=ResizedCrop(scale=(0.25, 1.0)), flip=True)
DATA = FashionMNIST(validation=5_000, limit=5_000, augmentation=CROPS)
TEACHER = CNN(widths=(32, 64, 128))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=24, metavar="N", help="(default: 24)")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="at least 2 (default: 5)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = Record("recycled_views")
    record.say(f"{options.seeds} seeds, {options.epochs} epochs")
    with tempfile.TemporaryDirectory() as folder:
        store, file = Store(folder), Path(folder) / "teacher.safetensors"
        route = teacher_route(Teacher(model=TEACHER, epochs=12), DATA, store, device="cpu")
        save_safetensors(route.weights(route.num_checkpoints), file)
        record.say(f"teacher: {100 * route.records[-1]['accuracy']:.2f} %")
        by_views = {views: _accuracies(views, file, store, options) for views in (None, *VIEWS)}
    record.say(f"new views in each epoch: {_middle(by_views[None])}")
    mean = 0.0
    for views in VIEWS:
        differences = [own - other for own, other in zip(by_views[views], by_views[None], strict=True)]
        mean, deviation = statistics.mean(differences), statistics.stdev(differences)
        reach = stats.t.ppf(0.975, len(differences) - 1) * deviation / len(differences) ** 0.5
        interval = f"{mean - reach:+.2f} to {mean + reach:+.2f}"
        record.say(f"{views} views: {_middle(by_views[views])}; {mean:+.2f} points ({interval})")
    record.say(f"{mean:+.2f}")
    if options.save:
        record.save()


def _accuracies(views: int | None, teacher: Path, store: Store, options: argparse.Namespace) -> list[float]:
    """In percent, by seed."""
    data = dataclasses.replace(DATA, augmentation=dataclasses.replace(CROPS, views=views))
    found: list[float] = []
    for seed in range(options.seeds):
        recipe = Recipe(
            data=data,
            student=CNN(widths=(8, 16, 32)),
            teacher=PretrainedTeacher(file=str(teacher), model=TEACHER),
            terms=(CrossEntropy(weight=0.1), KD(weight=0.9)),
            epochs=options.epochs,
            seed=seed,
        )
        *_, last = distill(recipe, store=store, device="cpu")
        found.append(100 * last.metrics["val/accuracy"])
    return found


def _middle(accuracies: list[float]) -> str:
    return f"{statistics.mean(accuracies):.2f} % ({min(accuracies):.2f} to {max(accuracies):.2f})"


if __name__ == "__main__":
    main()
