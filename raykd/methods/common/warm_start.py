"""Warm starts: a first stage trains the student's stem and stages on features alone, and its weights are kept.

The student's head takes no part and stays as it was initialised. The weights are an artefact, named by the student
and its seed, the start, the final teacher and the images, beside a record of the mean loss of each epoch.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from raykd.data.dataset import Batch
from raykd.methods.common.first_stage import FirstStage, drawing, minimise, training_images
from raykd.models.staged import Staged
from raykd.ops.rng import seed_of
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Start
from raykd.protocols.model import ModelSpec
from raykd.space.serialise import fingerprint
from raykd.storage.tensors import save_safetensors

_MAKER_VERSION = 1


class Trunk(NamedTuple):
    """What a network without its head says of a batch; `features` and `before_relu` as in `Outputs`."""

    stem: Tensor
    features: tuple[Tensor, ...]
    before_relu: tuple[Tensor, ...]


def warm_start(
    student: Staged,
    make_loss: Callable[[], nn.Module],
    stage: FirstStage,
    *,
    start: Start,
    model: ModelSpec,
    seed: int,
    context: BuildContext,
) -> None:
    """Gives a fresh student, in place, the weights that a first stage leaves it, got from the store or made.

    Args:
        make_loss: makes the loss, a module with what is trained beside the student, that takes the `Trunk` of the
            student's and that of the teacher's. PyTorch's generator is seeded for it.
        start: the recipe's start, for the artefact's name.
        model, seed: as in `raykd.protocols.method.Start.begin`.
    """
    teacher, dataset = context.teacher, context.dataset
    assert teacher is not None
    final = teacher.num_checkpoints
    name = type(start).__name__

    def make(folder: Path) -> None:
        with drawing(dataset.device, "start", seed):
            loss = make_loss().to(dataset.device)
            losses = _train(student.to(dataset.device), teacher.network(final), loss, stage, seed, name, context)
        save_safetensors(student.network.state_dict(), folder / "student.safetensors")
        (folder / "record.json").write_text(json.dumps({"loss": losses}, indent=1))

    key = {
        "version": _MAKER_VERSION,
        "start": start,
        "student": model,
        "seed": seed,
        "classes": dataset.num_classes,
        "weights": teacher.digest(final),
        "images": training_images(dataset),
    }
    folder = context.get("start", fingerprint(key), make)
    student.network.load_state_dict(load_file(folder / "student.safetensors"))


def trunk(network: Staged, images: Tensor) -> Trunk:
    """Runs all of a network but its head."""
    hidden = network.stem(images)
    stem = network.shown(hidden)
    features: list[Tensor] = []
    before_relu: list[Tensor] = []
    for index in range(network.num_stages):
        before = network.before_relu(index, hidden)
        hidden = network.rectify(index, before)
        before_relu.append(network.shown(before))
        features.append(network.shown(hidden))
    return Trunk(stem, tuple(features), tuple(before_relu))


def _train(
    student: Staged, teacher: Staged, loss: nn.Module, stage: FirstStage, seed: int, name: str, context: BuildContext
) -> list[float]:
    def loss_of(batch: Batch) -> Tensor:
        with torch.no_grad():
            target = trunk(teacher, batch.images)
        return loss(trunk(student, batch.images), target)

    trained = nn.ModuleList([student, loss])
    order = seed_of("start order", seed)
    return minimise(
        loss_of, trained, stage, context.dataset, order, lambda line: context.say(f"start with {name}: {line}")
    )
