"""The one reading of the test split: how good the students of a search are on images that decided nothing."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch

from raykd.cluster.machines.nodes import is_all_here
from raykd.cluster.machines.resources import Resources
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.tasks import as_worker_task, fetch_result
from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.evaluation.accuracy import accuracy
from raykd.protocols.model import bare
from raykd.protocols.teacher import teacher_route
from raykd.recipe import Recipe
from raykd.runs.trial import student_weights
from raykd.storage.layout import TRIALS

TEACHER = "teacher"


def read_test_split(trials: Trials, recipes: Mapping[str, Recipe], resources: Resources) -> dict[str, float]:
    """The test accuracy of trials by their names, and of the teacher, computed as the workers compute.

    Here where the workers were here, else on one of their machines.

    Args:
        recipes: of the trials, by name.
    """
    if not is_all_here():  # where it is, a process of its own would take seconds to start
        return fetch_result(as_worker_task(_read, resources).remote(trials, recipes))
    threads = torch.get_num_threads()
    torch.set_num_threads(resources.threads)
    try:
        return _read(trials, recipes, None if resources.gpus_per_worker else "cpu")
    finally:
        torch.set_num_threads(threads)


def pulled(trials: Trials, name: str) -> Path:
    """The folder of a trial that has ended, with its checkpoint."""
    folder = trials.folder / TRIALS / name
    trials.storage.pull(folder)
    return folder


def _read(trials: Trials, recipes: Mapping[str, Recipe], device: str | None = None) -> dict[str, float]:
    chosen = World.current(device).device
    found: dict[str, float] = {}
    for name, recipe in recipes.items():
        dataset = load(recipe.data, chosen)  # what it is normalised by may be the training images' own
        student = bare(recipe.student).build(dataset.num_classes, dataset.image_shape)
        student.network.load_state_dict(student_weights(pulled(trials, name)))
        found[name] = accuracy(student.to(dataset.device), dataset, dataset.test)
    base = trials.study.recipe
    if base.teacher is not None:
        dataset = load(base.data, chosen)
        route = teacher_route(base.teacher, base.data, trials.open_store(), device=dataset.device)
        found[TEACHER] = accuracy(route.network(route.num_checkpoints), dataset, dataset.test)
    # A student whose scores are no finite numbers has no accuracy; on validation images they were.
    return {name: value for name, value in found.items() if not math.isnan(value)}
