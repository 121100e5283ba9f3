"""Runs of recipes that a benchmark trains once and knows from then on: a line of JSON each, in a folder that stays."""

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from raykd.data.dataset import Dataset, load
from raykd.evaluation.accuracy import accuracy
from raykd.evaluation.embeddings import embed
from raykd.evaluation.retrieval import mean_average_precision
from raykd.models.staged import Staged
from raykd.recipe import Recipe, build_network
from raykd.space.serialise import fingerprint
from raykd.storage.artifacts import Store
from raykd.storage.atomic import append
from raykd.storage.layout import ARTIFACTS
from raykd.training.loop import distill

LINES = "runs.jsonl"
Measure = Callable[[Staged, Dataset], dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run gave.

    Args:
        curve: accuracy on the validation split after each epoch, in percent.
        tested: what was measured of the last epoch's student on the test split, in percent; None where the run was
            stopped early. A run that diverged has an `accuracy` of 0 and nothing else.
        seconds: of CPU time, the teacher's and other artefacts' making included where it fell to this run.
    """

    curve: tuple[float, ...]
    tested: dict[str, float] | None
    seconds: float


def accuracy_alone(student: Staged, dataset: Dataset) -> dict[str, float]:
    """The test accuracy."""
    return {"accuracy": accuracy(student, dataset, dataset.test)}


def with_retrieval(student: Staged, dataset: Dataset) -> dict[str, float]:
    """The test accuracy, and the mean average precision of the test images among the training images, by cosine."""
    queries, database = embed(student, dataset, dataset.test), embed(student, dataset, dataset.train)
    return accuracy_alone(student, dataset) | {"retrieval": mean_average_precision(*queries, *database)}


def never(epoch: int, percent: float) -> bool:
    """Stops no run."""
    return False


class Runs:
    """The runs in a folder; several processes may add to it at once.

    Args:
        folder: artefacts lie in it where `raykd.tune(storage=folder)` keeps them too, and the lines of all runs.
        measure: what is measured of a student on the test split, each in [0, 1].
    """

    def __init__(self, folder: Path, measure: Measure = accuracy_alone):
        self._measure = measure
        self.store, self._file = Store(folder / ARTIFACTS), folder / LINES
        self._known = dict[str, Outcome]()
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        for row in map(json.loads, filter(lambda line: line.endswith("}"), lines)):
            self._known[row["recipe"]] = Outcome(
                curve=tuple(row["curve"]), tested=row["tested"], seconds=row["seconds"]
            )

    def train(self, recipe: Recipe, stops: Callable[[int, float], bool] = never) -> Outcome:
        """A run, known or trained now.

        Args:
            stops: asked after each epoch but the last, with its number from 1 and the validation accuracy in
                percent, whether the run ends there.
        """
        key = fingerprint(recipe)
        if (known := self._known.get(key)) is not None:
            asked = known.curve if known.tested is None else known.curve[:-1]
            for number, percent in enumerate(asked, start=1):
                if stops(number, percent):
                    return dataclasses.replace(known, curve=known.curve[:number], tested=None)
            if known.tested is not None:
                return known
        outcome = self._known[key] = self._train(recipe, stops)
        row = {"recipe": key, **dataclasses.asdict(outcome)}
        append(self._file, (json.dumps(row) + "\n").encode())
        return outcome

    def _train(self, recipe: Recipe, stops: Callable[[int, float], bool]) -> Outcome:
        begun, curve = time.process_time(), list[float]()
        for epoch in distill(recipe, store=self.store, device="cpu", say=lambda line: None):
            curve.append(100 * epoch.metrics["val/accuracy"])
            ends = len(curve) == recipe.epochs
            if epoch.diverged or ends or stops(len(curve), curve[-1]):
                tested = {"accuracy": 0.0} if epoch.diverged else self._test(recipe, epoch.student()) if ends else None
                return Outcome(curve=tuple(curve), tested=tested, seconds=time.process_time() - begun)
        raise AssertionError("a run ends with its last epoch")

    def _test(self, recipe: Recipe, weights: dict[str, Tensor]) -> dict[str, float]:
        dataset = load(recipe.data, torch.device("cpu"))
        student = build_network(recipe.student, dataset.num_classes, dataset.image_shape)
        student.network.load_state_dict(weights)
        return {name: 100 * value for name, value in self._measure(student, dataset).items()}
