"""Auxiliary teachers: networks of the student's make that pass a different teacher's knowledge on to it.

Made in two stages, as in the information-flow method (arXiv 2005.00727): trained with labels like any network, then
made to arrange its last embedding like the final teacher's, without labels. An artefact: weights, and a record of
the accuracy after the first stage (0 to 1) and of the mean loss of each epoch.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.evaluation.accuracy import accuracy, check_scores
from raykd.methods.common.first_stage import FirstStage, drawing, minimise, training_images
from raykd.models.staged import Shape, Staged
from raykd.ops.maps import pooled
from raykd.ops.rng import seed_of
from raykd.optim import Adam, Step
from raykd.protocols.context import BuildContext
from raykd.protocols.model import ModelSpec
from raykd.space.serialise import fingerprint
from raykd.storage.tensors import save_safetensors

_MAKER_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Auxiliary:
    """An auxiliary teacher; the defaults are the authors' for CIFAR-10.

    Args:
        model: a network with as many stages as the student, customarily the student's own with twice the width.
        pretrain_epochs: with labels; the learning rate falls to a tenth after five eighths of them.
        epochs: of transfer from the teacher; the learning rate falls to a tenth after three quarters of them.
        lr: of Adam, at the beginning of either stage.
        batch_size: images of a step.
        seed: of its initialisation and of the data's order.
    """

    model: ModelSpec
    pretrain_epochs: int = 80
    epochs: int = 40
    lr: float = 1e-3
    batch_size: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("pretrain_epochs", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InvalidError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.lr > 0:
            raise InvalidError(f"lr must be above 0, got {self.lr}")

    def build(self, num_classes: int, image: Shape) -> Staged:
        """The network with its initial weights, which depend on `seed` alone."""
        with drawing(torch.device("cpu"), "auxiliary", self.seed):
            return self.model.build(num_classes, image)


Transfer = Callable[[Tensor, Tensor], Tensor]


def find_auxiliary(auxiliary: Auxiliary, context: BuildContext, transfer: Transfer) -> Staged:
    """The trained auxiliary teacher, got from the store or made; in eval mode, without gradients.

    Args:
        transfer: the loss of the second stage, from the auxiliary's and the teacher's pooled last embeddings.
    """
    teacher, dataset = context.teacher, context.dataset
    assert teacher is not None
    final = teacher.num_checkpoints
    network = auxiliary.build(dataset.num_classes, dataset.image_shape).to(dataset.device)

    def make(folder: Path) -> None:
        context.say(f"auxiliary: {auxiliary.pretrain_epochs} epochs with labels, {auxiliary.epochs} of transfer")
        with drawing(dataset.device, "auxiliary training", auxiliary.seed):
            record = _train(auxiliary, network, teacher.network(final), context, transfer)
        context.say(f"auxiliary: validation accuracy {record['accuracy']:.4f} before transfer")
        save_safetensors(network.network.state_dict(), folder / "auxiliary.safetensors")
        (folder / "record.json").write_text(json.dumps(record, indent=1))

    key = {
        "version": _MAKER_VERSION,
        "auxiliary": auxiliary,
        "weights": teacher.digest(final),
        "images": training_images(dataset),
    }
    folder = context.get("auxiliary", fingerprint(key), make)
    network.network.load_state_dict(load_file(folder / "auxiliary.safetensors", device=str(dataset.device)))
    return network.requires_grad_(False).eval()


def _train(
    auxiliary: Auxiliary, network: Staged, teacher: Staged, context: BuildContext, transfer: Transfer
) -> dict[str, Any]:
    dataset, order = context.dataset, seed_of("auxiliary order", auxiliary.seed)

    def labels(batch: Batch) -> Tensor:
        return F.cross_entropy(network(batch.images).logits, batch.targets)

    def embeddings(batch: Batch) -> Tensor:
        with torch.no_grad():
            target = pooled(teacher(batch.images).features[-1])
        return transfer(pooled(network(batch.images).features[-1]), target)

    def say(line: str) -> None:
        context.say(f"auxiliary: {line}")

    first, second = _stage(auxiliary, auxiliary.pretrain_epochs, 5 / 8), _stage(auxiliary, auxiliary.epochs, 3 / 4)
    pretrained = minimise(labels, network, first, dataset, order, say)
    before = check_scores(accuracy(network, dataset, dataset.validation), "the auxiliary teacher")
    transferred = minimise(embeddings, network, second, dataset, order, say)
    return {"accuracy": before, "pretrain_loss": pretrained, "transfer_loss": transferred}


def _stage(auxiliary: Auxiliary, epochs: int, drop: float) -> FirstStage:
    optimiser = Adam(lr=auxiliary.lr, schedule=Step(milestones=(drop,)))
    return FirstStage(epochs=epochs, batch_size=auxiliary.batch_size, optimiser=optimiser)
