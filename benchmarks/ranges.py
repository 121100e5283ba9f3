"""Whether every method works at its default, and how far within the ranges that a search draws from, on two data sets.

    python benchmarks/ranges.py [--data digits|fashion|both] [--only WORD ...] [--seeds N] [--folder F] [--save]

Each method stands beside the labels as in the published studies (`raykd.studies.published.methods`; QUEST has 64
words, what needs a training of its own a short one), and is trained at its default and at both ends of each range of
its own, the others at their default; of a choice, at each option. Digits: stages of 4, 8 and 12 channels, 40 epochs;
2,000 images of Fashion-MNIST: 4, 8 and 16 channels, 16 epochs; the teachers' have 16, 32, 64. Rates fall by a cosine.

Printed is the mean test accuracy over the seeds, in percent, minus that of the student by labels alone with the same
seeds. With few seeds a point or two is noise: what is looked for is an end that spoils a training (`!`, more than 5
points below labels alone). The last line counts them. A run that has ended is a line in the folder and is never done
again.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from quality_runs import Runs
from record import Record

from raykd.data.dataset import DataSpec
from raykd.data.digits import Digits
from raykd.data.fashion_mnist import FashionMNIST
from raykd.errors import UserError
from raykd.methods.ab import AB
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.crd import CRD
from raykd.methods.ft import FT
from raykd.methods.infoflow import InfoFlow
from raykd.methods.quest import Quest
from raykd.models.cnn import CNN
from raykd.optim import SGD, Cosine
from raykd.recipe import Recipe
from raykd.space.ranges import override, space
from raykd.studies.choices import changes
from raykd.studies.published import PLAIN_KD, alone, methods
from raykd.teachers.trained import Teacher

_SPOILT = -5.0  # points
_ALONE = "labels alone"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["digits", "fashion", "both"], default="both", help="(default: both)")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORD", help="methods with such a word (default: all)"
    )
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="(default: 2)")
    parser.add_argument("--folder", type=Path, help="of all runs (default: a temporary one)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="that train at a time (default: 2)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record, spoilt, settings = Record("ranges"), 0, 0
    record.say(f"{options.seeds} seeds; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as temporary:
        for data, base in _bases().items():
            if options.data not in (data, "both"):
                continue
            folder = (options.folder or Path(temporary)).absolute() / data
            found = _measured(base, folder, options)
            _say(record, data, found)
            differences = [value for name, value in _differences(found).items() if name[1]]
            spoilt, settings = spoilt + sum(value < _SPOILT for value in differences), settings + len(differences)
    record.say(f"ends that spoil a training: {spoilt} of {settings}")
    if options.save:
        record.save()


def _bases() -> dict[str, Recipe]:
    return {
        "digits": _base(Digits(), (4, 8, 12), (16, 32, 64), 40, 32),
        "fashion": _base(FashionMNIST(limit=2_000, validation=1_000), (4, 8, 16), (16, 32, 64), 16, 32),
    }


def _base(data: DataSpec, widths: tuple[int, ...], wider: tuple[int, ...], epochs: int, batch_size: int) -> Recipe:
    optimiser = SGD(schedule=Cosine())
    model = CNN(widths=wider)
    teacher = Teacher(model=model, epochs=24, every=2, batch_size=batch_size, optimiser=optimiser)
    return Recipe(
        data=data,
        student=CNN(widths=widths),
        teacher=teacher,
        terms=PLAIN_KD,
        optimiser=optimiser,
        epochs=epochs,
        batch_size=batch_size,
        threads=1,
    )


def _methods(base: Recipe) -> dict[str, dict[str, Any]]:
    assert isinstance(base.student, CNN)
    twice = CNN(widths=tuple(2 * width for width in base.student.widths))
    auxiliary = Auxiliary(model=twice, pretrain_epochs=8, epochs=8, batch_size=base.batch_size)
    ours = {
        "quest": alone(Quest(words=64)),
        "infoflow": alone(InfoFlow(auxiliary=auxiliary)),
        "crd": alone(CRD(negatives=256)),
        "ft": alone(FT(first_stage=FirstStage(epochs=6))),
        "ab": alone(start=AB(first_stage=FirstStage(epochs=6))),
    }
    return {name: dict(group) for name, group in (methods() | ours).items()}


def _settings(base: Recipe, options: argparse.Namespace) -> dict[tuple[str, str], Recipe]:
    """A recipe by its method and by what is not as by default."""
    found = {(_ALONE, ""): base.alone()}
    groups = _methods(base)
    for method in groups:
        if not any(word in method for word in options.only):
            continue
        recipe = override(base, changes(base, "method", groups, method))
        try:
            recipe.check()
        except UserError:  # FSP needs equal widths
            continue
        found[method, ""] = recipe
        for path, distribution in space(recipe).items():
            if path.startswith(("terms/cross_entropy/", "optimiser/")) or (
                method == "rco" and path.startswith("terms/")
            ):
                continue
            for value in _ends(distribution):
                changed = override(recipe, {path: value})
                try:
                    changed.check()
                except UserError:  # more words than vectors: a study narrows it
                    continue
                found[method, f"{path} {value:g}" if isinstance(value, float) else f"{path} {value}"] = changed
    return found


def _ends(distribution: BaseDistribution) -> Iterator[Any]:
    if isinstance(distribution, CategoricalDistribution):
        yield from distribution.choices
    else:
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        yield from (distribution.low, distribution.high)


def _measured(base: Recipe, folder: Path, options: argparse.Namespace) -> dict[tuple[str, str], list[float]]:
    folder.mkdir(parents=True, exist_ok=True)
    settings = _settings(base, options)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        options.processes, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        train = functools.partial(_train, folder)
        asked = {
            name: [pool.submit(train, dataclasses.replace(recipe, seed=seed)) for seed in range(1, options.seeds + 1)]
            for name, recipe in settings.items()
        }
        return {name: [run.result() for run in runs] for name, runs in asked.items()}


def _train(folder: Path, recipe: Recipe) -> float:
    tested = Runs(folder).train(recipe).tested
    assert tested is not None
    return tested["accuracy"]


def _differences(found: dict[tuple[str, str], list[float]]) -> dict[tuple[str, str], float]:
    base = statistics.mean(found[_ALONE, ""])
    return {name: statistics.mean(values) - base for name, values in found.items() if name[0] != _ALONE}


def _say(record: Record, data: str, found: dict[tuple[str, str], list[float]]) -> None:
    values = found[_ALONE, ""]
    record.say(f"{data}: {_ALONE} {statistics.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})")
    for (method, setting), difference in _differences(found).items():
        words = f"        {setting}" if setting else f"    {method}"
        record.say(f"{words}: {difference:+.1f}{' !' if difference < _SPOILT else ''}")


if __name__ == "__main__":
    main()
