"""The searches that `search_cost.py` compares: networks, data, epochs; and how they are handed to rivals.

Imports PyTorch and raykd's networks only: each of the rivals' processes imports this file too.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from raykd.models.cifar_resnet import ResNet
from raykd.models.cnn import CNN

if TYPE_CHECKING:
    from raykd.data.dataset import Dataset
    from raykd.studies.study import Study

NUM_CLASSES, IMAGE, PADDING = 10, (1, 28, 28), 2
BATCH, LR = 64, 0.05
TEMPERATURE, LABELS, SOFTENED = (1.0, 20.0), (0.05, 1.0), (0.1, 20.0)  # the ranges of all searchers, KD's own
_DATA, _EPOCHS = "data.pt", "epochs.json"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A search of KD on Fashion-MNIST; an epoch has 1,500 images, 500 others validate.

    Args:
        epochs: of a run that nobody stops.
        grace: epochs before which none is stopped; of every three at a rung, one goes on.
    """

    teacher: CNN | ResNet
    student: CNN | ResNet
    teacher_epochs: int
    trials: int
    epochs: int
    grace: int

    def study(self) -> "Study":
        """The search as raykd knows it."""
        # Only the process that searches needs these; importing them takes a second or two.
        from raykd.data.fashion_mnist import FashionMNIST
        from raykd.methods.cross_entropy import CrossEntropy
        from raykd.methods.kd import KD
        from raykd.optim import SGD, Constant
        from raykd.recipe import Recipe
        from raykd.studies.study import Study
        from raykd.teachers.trained import Teacher

        optimiser = SGD(lr=LR, schedule=Constant())
        recipe = Recipe(
            data=FashionMNIST(validation=500, limit=1500),
            student=self.student,
            teacher=Teacher(
                model=self.teacher, epochs=self.teacher_epochs, every=self.teacher_epochs, optimiser=optimiser
            ),
            terms=(CrossEntropy(weight=0.1), KD(weight=0.9)),
            optimiser=optimiser,
            epochs=self.epochs,
            batch_size=BATCH,
        )
        fixed = {f"optimiser/{name}": None for name in ("lr", "nesterov", "weight_decay")}
        return Study(
            recipe=recipe, ranges=fixed, trials=self.trials, grace=self.grace, reduction=3, confirm=0, name="cost"
        )


_SHORT = Case(
    teacher=CNN(widths=(8, 16, 32)), student=CNN(widths=(4, 8, 16)), teacher_epochs=4, trials=16, epochs=27, grace=3
)
CASES = {
    "short": _SHORT,
    "short64": Case(**{**vars(_SHORT), "trials": 64}),
    "long": Case(teacher=ResNet(depth=110), student=ResNet(depth=20), teacher_epochs=2, trials=6, epochs=3, grace=1),
    "tiny": Case(**{**vars(_SHORT), "trials": 3, "epochs": 2, "grace": 1, "teacher_epochs": 1}),
}


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What a rival reads from its folder, in a tenth of a second: bytes of images, labels, the teacher's weights."""

    case: Case
    tensors: dict[str, Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    epochs: tuple[int, ...]

    @classmethod
    def read(cls, folder: Path) -> "Handed":
        told: dict[str, Any] = json.loads((folder / _EPOCHS).read_text())
        tensors = torch.load(folder / _DATA, weights_only=True)
        mean, std = tuple(told["mean"]), tuple(told["std"])
        return cls(case=CASES[told["case"]], tensors=tensors, mean=mean, std=std, epochs=tuple(told["epochs"]))

    def teacher(self) -> nn.Module:
        """The trained teacher, the plain network."""
        network = self.case.teacher.build(NUM_CLASSES, IMAGE).network
        weights = {name: value for name, value in self.tensors.items() if name not in _IMAGES}
        network.load_state_dict(weights)
        return network

    def student(self) -> nn.Module:
        """A student with random weights, the plain network."""
        return self.case.student.build(NUM_CLASSES, IMAGE).network


_IMAGES = ("train images", "train labels", "validation images", "validation labels")


def hand_over(folder: Path, name: str, dataset: "Dataset", teacher: dict[str, Tensor]) -> None:
    """Writes what all rivals of a case read; the epochs of each run are to follow, by `replay`."""
    splits = (dataset.train.images, dataset.train.labels, dataset.validation.images, dataset.validation.labels)
    torch.save({**dict(zip(_IMAGES, splits, strict=True)), **teacher}, folder / _DATA)
    told = {"case": name, "mean": dataset.mean, "std": dataset.std, "epochs": []}
    (folder / _EPOCHS).write_text(json.dumps(told))


def replay(folder: Path, epochs: Sequence[int]) -> None:
    """Tells the rivals how many epochs each of their runs is to train."""
    told = json.loads((folder / _EPOCHS).read_text())
    (folder / _EPOCHS).write_text(json.dumps({**told, "epochs": list(epochs)}))
