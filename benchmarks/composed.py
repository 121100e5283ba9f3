"""All four methods and KD in one run: on one process, on two ranks, and on two Ray workers.

Claim: the metrics of every epoch are the same on two ranks and on two Ray workers to the last bit, and those of one
process up to the order of floating-point sums, where nothing in the recipe looks across a batch. Batch normalisation
does (a rank normalises over its own share), so with it one process gives other numbers; two ranks and two Ray workers
still agree to the last bit.

    python benchmarks/composed.py [--epochs N] [--save]
"""

import argparse
import dataclasses
import logging
import pickle
import tempfile
from pathlib import Path
from typing import Any

from record import Record

from raykd.cluster.machines.resources import Resources
from raykd.cluster.workers.group import Group  # before Ray: it sets what Ray reads when it is imported
from raykd.cluster.workers.job import Job
from raykd.storage.local import LocalStorage

# isort: split
import ray
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from raykd.data.digits import Digits
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval
from raykd.models.cnn import CNN
from raykd.optim import SGD, Cosine
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.teachers.trained import Teacher
from raykd.training.loop import distill

Metrics = list[dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12, metavar="N", help="of the student (default: 12)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = Record("composed")
    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    for norm in ("group", "batch"):
        recipe = _recipe(norm, options.epochs)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            one = _train(recipe, folder / "artifacts")
            two = _on_two_ranks(recipe, folder)
            workers = _on_two_workers(recipe, folder)
        record.say(f"normalisation over the {norm}, {options.epochs} epochs:")
        for name, runs in (("1 process", one), ("2 ranks", two), ("2 Ray workers", workers)):
            last = runs[-1]
            shown = ", ".join(f"{key.partition('/')[2]} {last[key]:.6f}" for key in sorted(last) if "rate" not in key)
            record.say(f"    {name}, last epoch: {shown}")
        record.say(f"    2 ranks equal 2 Ray workers to the last bit: {two == workers}")
        record.say(
            f"    largest relative difference of 1 process and 2 ranks in any metric: {_difference(one, two):.1e}"
        )
    ray.shutdown()
    if options.save:
        record.save()


def _recipe(norm: str, epochs: int) -> Recipe:
    """Networks of equal widths: the converters of swapped stages need no normalisation of their own."""
    student = CNN(widths=(8, 12, 16), norm=norm)
    optimiser = SGD(lr=0.05, schedule=Cosine())
    return Recipe(
        data=Digits(),
        student=student,
        teacher=Teacher(
            model=dataclasses.replace(student, convolutions=2), epochs=24, every=2, batch_size=32, optimiser=optimiser
        ),
        terms=(
            CrossEntropy(weight=0.1),
            KD(weight=0.9),
            Quest(words=64, temperature=0.2),
            InfoFlow(weight=100.0, auxiliary=Auxiliary(model=student, epochs=2, pretrain_epochs=2)),
        ),
        route=EqualInterval(count=2),
        swap=IAKD(schedule="uniform", start=0.5, solo=0.0),
        optimiser=optimiser,
        epochs=epochs,
        batch_size=32,
    )


def _train(recipe: Recipe, store: Path) -> Metrics:
    return [epoch.metrics for epoch in distill(recipe, store=Store(store), device="cpu")]


def _on_two_ranks(recipe: Recipe, folder: Path) -> Metrics:
    spawn(_rank, (recipe, folder), nprocs=2)
    return torch.load(folder / "rank0.pt")


def _rank(rank: int, recipe: Recipe, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    metrics = _train(recipe, folder / "artifacts")
    torch.save(metrics, folder / f"rank{rank}.pt")
    dist.destroy_process_group()


def _on_two_workers(recipe: Recipe, folder: Path) -> Metrics:
    places = {name: str(folder / name) for name in ("trial", "board")}
    group = Group("composed", str(folder / "groups"), Resources(workers=2))
    storage = LocalStorage(root=folder)
    job = Job(recipe=recipe, folder=places["trial"], board=places["board"], storage=storage, values={})
    group.start(pickle.dumps(job))
    metrics: Metrics = []
    for _ in range(recipe.epochs):
        group.ask()
        answer: Any = group.next_answer()
        if answer.error:
            raise SystemExit(answer.error)
        metrics.append(dict(answer.metrics))
    group.end()
    return metrics


def _difference(one: Metrics, other: Metrics) -> float:
    pairs = [(a[name], b[name]) for a, b in zip(one, other, strict=True) for name in a]
    return max(abs(a - b) / max(abs(a), abs(b), 1e-12) for a, b in pairs)


if __name__ == "__main__":
    main()
