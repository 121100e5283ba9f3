"""`raykd profile`: where the time of a recipe's epochs goes."""

import argparse
import contextlib
import importlib.metadata
import itertools
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from raykd.commands.recipe_options import RequestedRecipe, refuse_divergence, requested_recipe
from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.errors import AlreadyExistsError, InvalidError, MissingError, NotPermittedError
from raykd.recipe import Recipe
from raykd.reporting.recorder import Recorded, Recorder
from raykd.reporting.status_line import StatusLine
from raykd.reporting.time_spent import REST, time_spent, together
from raykd.reporting.time_table import time_table
from raykd.reporting.trace import trace
from raykd.runs.profiled import EPOCH, WAITING, WRITING, profiled_trial
from raykd.runs.remote_search import prepare_storage_for_run
from raykd.space.serialise import encode
from raykd.storage.artifacts import open_store
from raykd.storage.atomic import write_text
from raykd.storage.layout import check_writable
from raykd.storage.storage import Storage
from raykd.training.loop import prepare

NOT_TRAINING = ("start", "validation", WRITING, WAITING)


def run_profile(options: argparse.Namespace) -> int:
    """Trains some epochs of a recipe, and shows what their time was spent on."""
    world = World.current(options.device)
    requested = requested_recipe(options).on(world.device)
    recipe = requested.recipe
    recipe.check()
    if not 1 <= options.epochs <= recipe.epochs:
        raise InvalidError(f"--epochs must be 1 to {recipe.epochs}, the recipe's, got {options.epochs}")
    file = _new_file(options.out or f"profile-{requested.label}-{time.strftime('%Y%m%d-%H%M%S')}.json")
    storage = prepare_storage_for_run(options.storage, None, resume=False)
    check_writable(storage.root)
    line = StatusLine(Console(highlight=False, soft_wrap=True))
    with line:
        spans = _measure(requested, options, storage, world, line)
    write_text(file, json.dumps(trace(spans, _about(recipe, world.device))) + "\n")
    _show(spans, recipe, options.epochs, world.device, line)
    line.say(f"trace: {file}; open it in https://ui.perfetto.dev")
    return 0


def _new_file(name: str) -> Path:
    file = Path(name).absolute()
    if file.exists():
        raise AlreadyExistsError(f"{file} exists already; choose another --out")
    if not file.parent.is_dir():
        raise MissingError(f"{file}: there is no folder {file.parent}")
    if not os.access(file.parent, os.W_OK):
        raise NotPermittedError(f"cannot write to the folder {file.parent}")
    return file


def _measure(
    requested: RequestedRecipe, options: argparse.Namespace, storage: Storage, world: World, line: StatusLine
) -> list[Recorded]:
    """The spans of a recipe's first epochs."""
    recipe, store = requested.recipe, open_store(storage, room=options.keep_teacher_outputs)
    line.status("preparing what the recipe needs of its teacher")
    prepare(recipe, store, world, line.status)
    recorder = Recorder(world.device)
    with tempfile.TemporaryDirectory(prefix=".profile-", dir=storage.root) as folder:
        trial = profiled_trial(recipe, Path(folder) / "trial", store, requested.values, world, recorder)
        with contextlib.closing(trial):  # its last file is written before the folder goes
            for epoch in itertools.islice(trial, options.epochs):
                refuse_divergence(epoch)
                line.status(f"epoch {epoch.number} of {options.epochs} measured")
        return recorder.recorded()


def _about(recipe: Recipe, device: torch.device) -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in ("raykd", "torch")}
    return {
        "device": _on(recipe, device),
        "versions": versions,
        "recipe": encode(recipe),
    }


def _show(spans: Sequence[Recorded], recipe: Recipe, epochs: int, device: torch.device, line: StatusLine) -> None:
    first, later = (time_spent(spans, EPOCH, numbers) for numbers in ([1], range(2, epochs + 1)))
    measured = later or first
    steps = len(load(recipe.data, device).train) // recipe.batch_size
    line.say(f"epochs of {steps} steps, {recipe.batch_size} images each, on {_on(recipe, device)}")
    line.console.print(time_table(first, later, steps))
    whole, training = together(measured, ""), together([each for each in measured if each.name not in NOT_TRAINING], "")
    rate = steps / training.seconds
    line.say(f"while it trains: {rate * recipe.batch_size:.1f} images/s, {rate:.2f} steps/s")
    (rest,) = (each for each in measured if each.name == REST)
    line.say(
        f"{REST} is what lies in none of these spans: {rest.seconds / whole.seconds:.1%} of an epoch, "
        f"{rest.cpu / whole.cpu:.1%} of its processor time"
    )


def _on(recipe: Recipe, device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"the CPU, {recipe.threads} thread(s)"
