"""A teacher that somebody has: a file of weights, such as RepDistiller's and mdistiller's `ckpt_epoch_240.pth`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from raykd.data.dataset import Dataset, DataSpec, load
from raykd.errors import InvalidError
from raykd.models.eyes import Eyes
from raykd.models.staged import Shape
from raykd.models.weights import anchored, content, find
from raykd.protocols.context import BuildContext
from raykd.protocols.fit import Fit
from raykd.protocols.teacher import TeacherRoute
from raykd.space.fields import later
from raykd.teachers.architectures import architecture
from raykd.teachers.classes import Columns, matching
from raykd.teachers.measuring import num_classes_in
from raykd.teachers.route_files import check_accuracy, check_files, check_shares, route_of_files

ALL, MATCHED, NONE = "all", "matched", "none"
SCORES = (ALL, MATCHED, NONE)
_OTHERWISE = "scores='matched' takes the data's of them, by their names; scores='none' takes its features alone"


@dataclass(frozen=True, kw_only=True)
class PretrainedTeacher:
    """A file of weights, read without executing code; `raykd.models.weights` says which files are read.

    Images reach it as the data set normalises them, unless it has `eyes` of its own. It teaches the data's classes in
    the data's order, unless it tells its `classes`, or knows others too. `raykd.teachers.own.pretrained` fills in what
    its file or its library tells of both.

    Args:
        file: its path, `~` being the home folder; every machine of a cluster must see it there. None for a model
            that brings its weights, such as `Torchvision(weights="DEFAULT")`.
        model: the network; None for the one that the file's folder is named by, as in
            `resnet32x4_vanilla/ckpt_epoch_240.pth`.
        minimum_accuracy: on the validation split, 0 to 1, below which it is refused before a search starts; None
            for a tenth of the way from chance to 1.
        expected_accuracy: what its maker says, 0 to 1; None for what the file says, if it does.
        tolerance: by how much the validation accuracy may be below that.
        key: which of the file's state dicts, such as `model_ema` or `state_dict`; None for the one that its maker
            would evaluate: averaged weights where it has them.
        eyes: how its images were normalised, and how large they were; None for as the data set has it.
        classes: their names in the order of its scores, put into the data's order where the data set tells names too;
            see `raykd.teachers.classes`.
        scores: what its class scores are used for. `all`: its classes are the data's. `matched`: the data's are among
            its `classes`, and their scores alone teach. `none`: its features alone teach, whatever its classes are; its
            accuracy is then that of its last features (see `measured_by`), and checked where a minimum is given.
    """

    file: str | None
    model: Any = None  # a ModelSpec; the None that may be given is none any more once the teacher is made
    minimum_accuracy: float | None = None
    expected_accuracy: float | None = None
    tolerance: float = 0.05
    key: str | None = later(None)
    eyes: Eyes | None = later(None)
    classes: tuple[str, ...] = later(())
    scores: str = later(ALL)

    def __post_init__(self) -> None:
        check_shares(self)
        check_scores_of(self.scores, self.classes)
        if self.file is None and self.model is None:
            raise InvalidError("a pretrained teacher needs a file, or a model that brings its weights, got neither")
        if self.file is None and self.key is not None:
            raise InvalidError(f"a key is one of a file, which this teacher has not, got key={self.key!r}")
        if self.file is not None:
            object.__setattr__(self, "file", anchored(self.file))
            if self.model is None:
                object.__setattr__(self, "model", architecture(Path(self.file).parent.name))

    @property
    def num_checkpoints(self) -> int:
        return 1

    def contents(self) -> dict[str, Any]:
        """As `raykd.space.serialise.NamesFiles`."""
        return {"file": content(self.file)} if self.file is not None else {}

    def check(self, data: DataSpec) -> None:
        try:
            check_files(self, self._files(), data, self.key)
        except InvalidError:
            fit = self.fit_to(load(data, torch.device("cpu")))
            if self._num_classes(fit.image) not in (None, fit.num_classes):
                found = f"{self.file} is of {self._num_classes(fit.image)} classes, and not of {fit.num_classes}"
                raise InvalidError(f"{found}; {_OTHERWISE}") from None
            raise

    def fit_to(self, dataset: Dataset) -> Fit:
        """As `raykd.protocols.fit.Fitted`."""
        eyes = self.eyes or Eyes()
        sight = eyes.of(dataset.image_shape, dataset.mean, dataset.std)
        image = eyes.image(dataset.image_shape)
        num_classes, columns = self._classes(dataset, image)
        return Fit(
            image=image,
            num_classes=num_classes,
            before=(sight,) if sight else (),
            after=(columns,) if columns else (),
            scores=self.scores != NONE,
        )

    def route(self, context: BuildContext) -> TeacherRoute:
        route = route_of_files(self, self._files(), context, self.key)
        if self.scores != NONE or self.minimum_accuracy is not None:
            check_accuracy(self, route, self.file or type(self.model).__name__)
        return route

    def _classes(self, dataset: Dataset, image: Shape) -> tuple[int, Columns | None]:
        """How many classes the network has, and which of its scores are the data's."""
        here = dataset.num_classes
        if self.scores == NONE:
            return len(self.classes) or self._num_classes(image) or here, None
        there = len(self.classes) or here
        if self.scores == ALL and there != here:
            raise InvalidError(f"the teacher has {there} classes and the data {here}; {_OTHERWISE}")
        if not self.classes or not dataset.classes:
            if self.scores == MATCHED:
                raise InvalidError("scores='matched' needs the names of the data's classes, and the data tells none")
            return there, None
        columns = matching(self.classes, dataset.classes)
        return there, None if columns == tuple(range(there)) else Columns(columns)

    def _num_classes(self, image: Shape) -> int | None:
        """Of how many classes its file is; None where it has none, or does not show it."""
        return num_classes_in(self.model, self._files()[0], self.key, image) if self.file is not None else None

    def _files(self) -> list[Path]:
        return [find(self.file)] if self.file is not None else []


def check_scores_of(scores: str, classes: tuple[str, ...]) -> None:
    """Refuses an unknown word for what class scores are used for, and one that needs the names of classes."""
    if scores not in SCORES:
        raise InvalidError(f"unknown scores {scores!r}; choices: {', '.join(SCORES)}")
    if scores == MATCHED and not classes:
        raise InvalidError(f"scores={MATCHED!r} needs the names of the teacher's classes, got none")
