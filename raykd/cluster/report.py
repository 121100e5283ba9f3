"""What a search found, gathered when it ends: a row for each trial, and the one reading of the test split."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas
import torch

from raykd.cluster.machines.nodes import is_all_here
from raykd.cluster.machines.resources import Resources
from raykd.cluster.tuner.ended_trials import UNFINISHED, Record
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.tasks import as_worker_task, fetch_result
from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.errors import MissingError
from raykd.evaluation.accuracy import accuracy
from raykd.protocols.event import METRIC
from raykd.protocols.teacher import teacher_route
from raykd.recipe import Recipe
from raykd.runs.remote_search import bring_trials
from raykd.runs.result import BEST_RECIPE, STUDENT, SUMMARY, TABLE, Result
from raykd.runs.trial import read_epochs, saved_epoch, student_weights
from raykd.space.serialise import to_text
from raykd.storage.atomic import write, write_text
from raykd.storage.layout import TRIALS
from raykd.storage.tensors import save_safetensors
from raykd.studies.study_file import own_types

TEST = "test/accuracy"
TEACHER = "teacher"


def report(trials: Trials, records: Iterable[Record], total: int, resources: Resources) -> Result:
    """Writes the table, the best recipe and the best student; of a finished search, tests what matters.

    Args:
        records: of all trials that were begun, each once by its name.
        total: how many the search wants. While some are missing, the test split stays unread.
    """
    bring_trials(trials.storage, trials.folder)
    found = {record.name: record for record in records}
    has_ended = sum(record.end.kind != UNFINISHED for record in found.values()) == total
    rows = [_row(trials, record) for record in found.values()]
    frame = pandas.DataFrame(rows).sort_values(METRIC, ascending=False, na_position="last", ignore_index=True)
    complete = frame[frame["outcome"] == "complete"]
    best = next(iter(complete[~complete["baseline"]]["name"]), None)
    summary: dict[str, Any] = {"best": best, "metrics": {}, "test_accuracy": None, "teacher": None}
    if best is not None:
        folder = _pulled(trials, best)
        summary["metrics"] = _finished_epoch(folder)["metrics"]
        write_text(trials.folder / BEST_RECIPE, to_text(trials.recipe(found[best].config)))
        write(trials.folder / STUDENT, lambda path: save_safetensors(student_weights(folder), path))
    tested: dict[str, float] = {}
    if has_ended:
        names = [*complete[complete["baseline"]]["name"], *([best] if best else [])]
        recipes = {name: trials.recipe(found[name].config) for name in names}
        tested = _tested(trials, recipes, resources)
        summary |= {"test_accuracy": tested.get(best or ""), "teacher": tested.get(TEACHER)}
    frame[TEST] = [tested.get(name, math.nan) for name in frame["name"]]
    write_text(trials.folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
    write(trials.folder / TABLE, lambda path: frame.to_csv(path, index=False))
    return Result(trials.folder, frame, interrupted=not has_ended, types=own_types(trials.study))


def _row(trials: Trials, record: Record) -> dict[str, Any]:
    return {
        "name": record.name,
        "setting": trials.setting(record.config),
        "baseline": "baseline" in record.config,
        "outcome": record.end.kind,
        METRIC: record.end.accuracy,
        "epochs": record.end.epochs,
        "seconds": sum(epoch["seconds"] for epoch in read_epochs(trials.folder / TRIALS / record.name)),
        **record.config.get("values", {}),
    }


def _tested(trials: Trials, recipes: dict[str, Recipe], resources: Resources) -> dict[str, float]:
    """As `_test`, computed as the workers compute: here where they were here, else on one of their machines."""
    if not is_all_here():  # where it is, a process of its own would take seconds to start
        return fetch_result(as_worker_task(_test, resources).remote(trials, recipes))
    threads = torch.get_num_threads()
    torch.set_num_threads(resources.threads)
    try:
        return _test(trials, recipes, None if resources.gpus_per_worker else "cpu")
    finally:
        torch.set_num_threads(threads)


def _test(trials: Trials, recipes: dict[str, Recipe], device: str | None = None) -> dict[str, float]:
    """The test accuracy of trials, and of the teacher."""
    base = trials.study.recipe
    dataset = load(base.data, World.current(device).device)
    tested: dict[str, float] = {}
    for name, recipe in recipes.items():
        student = recipe.student.build(dataset.num_classes, dataset.image_shape)
        student.network.load_state_dict(student_weights(_pulled(trials, name)))
        tested[name] = accuracy(student.to(dataset.device), dataset, dataset.test)
    if base.teacher is not None:
        route = teacher_route(base.teacher, base.data, trials.open_store(), device=dataset.device)
        tested[TEACHER] = accuracy(route.network(route.num_checkpoints), dataset, dataset.test)
    return tested


def _pulled(trials: Trials, name: str) -> Path:
    """The folder of a trial that has ended, with its checkpoint."""
    folder = trials.folder / TRIALS / name
    trials.storage.pull(folder)
    return folder


def _finished_epoch(folder: Path) -> dict[str, Any]:
    saved = saved_epoch(folder)
    if saved is None:
        raise MissingError(f"{folder} has lost its checkpoint")
    return saved
