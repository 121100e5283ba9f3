"""A folder of checkpoints that somebody's training has left, as the route of a teacher (for RCO)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raykd.data.dataset import Dataset, DataSpec
from raykd.errors import MissingError
from raykd.models.eyes import Eyes
from raykd.models.weights import anchored, content
from raykd.protocols.context import BuildContext
from raykd.protocols.fit import Fit
from raykd.protocols.teacher import TeacherRoute
from raykd.space.fields import later
from raykd.teachers.architectures import architecture
from raykd.teachers.pretrained import ALL, NONE, PretrainedTeacher, check_scores_of
from raykd.teachers.route_files import check_accuracy, check_files, check_shares, in_order, route_of_files


@dataclass(frozen=True, kw_only=True)
class CheckpointFolder:
    """Checkpoints in the order of their epochs: as a file says itself, or else the last number in its name.

    Args:
        folder: where they lie, `~` being the home folder; every machine of a cluster must see it there.
        model: the network; None for the one that the folder is named by, as in `resnet32x4_vanilla`.
        pattern: which files of the folder they are, such as `ckpt_epoch_*.pth`.
        minimum_accuracy, expected_accuracy, tolerance: of the last one, as for a `PretrainedTeacher`.
        key: which of each file's state dicts, as for a `PretrainedTeacher`.
        eyes, classes, scores: of all of them, as for a `PretrainedTeacher`; `raykd.teachers.own.checkpoints` fills in
            what the last one tells.
    """

    folder: str
    model: Any = None  # a ModelSpec; the None that may be given is none any more once the teacher is made
    pattern: str = "*.pth"
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
        object.__setattr__(self, "folder", anchored(self.folder))
        if self.model is None:
            object.__setattr__(self, "model", architecture(Path(self.folder).name))

    @property
    def num_checkpoints(self) -> int:
        return len(self._files())

    def contents(self) -> dict[str, Any]:
        """As `raykd.space.serialise.NamesFiles`."""
        return {"folder": {file.name: content(file) for file in self._files()}}

    def fit_to(self, dataset: Dataset) -> Fit:
        """As `raykd.protocols.fit.Fitted`: that of the last one."""
        last = PretrainedTeacher(
            file=str(self.last()),
            model=self.model,
            key=self.key,
            eyes=self.eyes,
            classes=self.classes,
            scores=self.scores,
        )
        return last.fit_to(dataset)

    def check(self, data: DataSpec) -> None:
        check_files(self, self._found(), data, self.key)

    def route(self, context: BuildContext) -> TeacherRoute:
        route = route_of_files(self, self._found(), context, self.key)
        if self.scores != NONE or self.minimum_accuracy is not None:
            check_accuracy(self, route, self.folder)
        return route

    def last(self) -> Path:
        """The file of the last epoch.

        Raises:
            FileNotFoundError, ValueError: there is none, or the files tell no order.
        """
        return in_order(self._found(), self.key)[-1][1]

    def _files(self) -> list[Path]:
        return sorted(file for file in Path(self.folder).expanduser().glob(self.pattern) if file.is_file())

    def _found(self) -> list[Path]:
        if not (files := self._files()):
            raise MissingError(f"no checkpoint {self.pattern!r} in the folder {self.folder!r}")
        return files
