"""`raykd distill`: one recipe, trained in this process, without Ray."""

import argparse
import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console

from raykd.commands import INTERRUPTED, again
from raykd.commands.recipe_options import RequestedRecipe, refuse_divergence, requested_recipe
from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.evaluation.accuracy import accuracy, check_scores
from raykd.protocols.model import bare
from raykd.protocols.teacher import teacher_route
from raykd.recipe import Recipe
from raykd.reporting.status_line import StatusLine, clock
from raykd.runs.remote_search import prepare_storage_for_run
from raykd.runs.result import SUMMARY
from raykd.runs.run_folder import new_folder, old_folder
from raykd.runs.student_file import STUDENT, facts, save_student
from raykd.runs.trial import RECIPE, run_trial, saved_epoch, student_weights
from raykd.storage.artifacts import Store, open_store
from raykd.storage.atomic import write_text
from raykd.storage.layout import BOARD
from raykd.storage.sync import Uploader
from raykd.studies.recipe_file import load_recipe
from raykd.training.loop import Epoch, prepare


def run_distill(options: argparse.Namespace) -> int:
    """Trains a student by one recipe, and says what it gives; 130 where Ctrl-C stopped it."""
    world = World.current(options.device)
    requested = requested_recipe(options)
    requested.recipe.check()
    storage = prepare_storage_for_run(options.storage, options.name, resume=options.resume)
    if options.resume:
        folder = old_folder(storage.root, options.name, requested.label, requested.recipe, requested.types)
        requested = requested.on(world.device, load_recipe(folder / RECIPE, requested.types).threads)
    else:
        requested = requested.on(world.device)
        folder = new_folder(storage, options.name, requested.label, requested.recipe)
    line = StatusLine(Console(highlight=False, soft_wrap=True))
    uploader = storage.uploader((folder, "**/*"))
    try:
        if not (folder / SUMMARY).exists():
            line.say(f"training on {world.device}; everything goes to {storage.shown(folder)}")
            _train(requested, folder, open_store(storage, room=options.keep_teacher_outputs), world, line, uploader)
    except KeyboardInterrupt:
        saved = saved_epoch(folder)
        finished = saved["number"] if saved else 0
        name = [] if options.name else ["--name", folder.name]
        go_on = again(*name, *([] if options.resume else ["--resume"]))
        line.say(f"stopped after {finished} of {requested.recipe.epochs} epochs; go on with: {go_on}")
        return INTERRUPTED
    _show(folder, line)
    return 0


def _train(
    requested: RequestedRecipe, folder: Path, store: Store, world: World, line: StatusLine, uploader: Uploader
) -> None:
    """Trains what is still to be trained, then saves the student and reads the test split, once."""
    recipe = requested.recipe
    with line:
        line.status("preparing what the recipe needs of its teacher")
        if told := prepare(recipe, store, world, line.status):
            line.say(told)
        board = folder / BOARD / folder.name
        typed = again(without=("--name", "--resume"))
        epochs = run_trial(recipe, folder, board, store, requested.values, world, uploader, command=typed)
        _follow(epochs, line)
    saved = saved_epoch(folder)
    assert saved is not None
    weights = student_weights(folder)
    dataset = load(recipe.data, world.device)
    student = bare(recipe.student).build(dataset.num_classes, dataset.image_shape)
    student.network.load_state_dict(weights)
    summary = {
        "epochs": saved["number"],
        "metrics": saved["metrics"],
        "test_accuracy": check_scores(accuracy(student.to(world.device), dataset, dataset.test), "the student"),
        "teacher": _teacher_accuracy(recipe, store, world.device),
    }
    save_student(folder / STUDENT, weights, recipe, facts(summary))
    write_text(folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
    uploader.push()


def _follow(epochs: Iterator[Epoch], line: StatusLine) -> None:
    begun = time.monotonic()
    for trained, epoch in enumerate(epochs, start=1):
        refuse_divergence(epoch)
        left = (time.monotonic() - begun) / trained * (epoch.epochs - epoch.number)
        line.status(
            f"epoch {epoch.number} of {epoch.epochs}, loss {epoch.metrics['train/loss']:.4f}, "
            f"validation accuracy {epoch.metrics['val/accuracy']:.4f}, about {clock(left)} left"
        )


def _teacher_accuracy(recipe: Recipe, store: Store, device: torch.device) -> float | None:
    """Of the final teacher, on the validation split."""
    if recipe.teacher is None:
        return None
    return teacher_route(recipe.teacher, recipe.data, store, device=device).records[-1]["accuracy"]


def _show(folder: Path, line: StatusLine) -> None:
    summary = json.loads((folder / SUMMARY).read_text())
    teacher = "" if summary["teacher"] is None else f" (teacher: {summary['teacher']:.4f})"
    line.say(f"validation accuracy {summary['metrics']['val/accuracy']:.4f}{teacher} after {summary['epochs']} epochs")
    line.say(f"test accuracy {summary['test_accuracy']:.4f}")
    line.say(f"student: {folder / STUDENT}")
    line.say(f"see it in TensorBoard: tensorboard --logdir {shlex.quote(str(folder / 'tensorboard'))}")
