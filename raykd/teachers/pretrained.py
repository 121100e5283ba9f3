"""A teacher that somebody has: a file of weights, such as RepDistiller's and mdistiller's `ckpt_epoch_240.pth`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raykd.data.dataset import DataSpec
from raykd.errors import InvalidError
from raykd.models.weights import anchored, content, find
from raykd.protocols.context import BuildContext
from raykd.protocols.teacher import TeacherRoute
from raykd.space.fields import later
from raykd.teachers.architectures import architecture
from raykd.teachers.route_files import check_accuracy, check_files, check_shares, route_of_files


@dataclass(frozen=True, kw_only=True)
class PretrainedTeacher:
    """A file of weights, read without executing code; `raykd.models.weights` says which files are read.

    Images reach it normalised as the data set normalises them, which should be what it was trained with.

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
    """

    file: str | None
    model: Any = None  # a ModelSpec; the None that may be given is none any more once the teacher is made
    minimum_accuracy: float | None = None
    expected_accuracy: float | None = None
    tolerance: float = 0.05
    key: str | None = later(None)

    def __post_init__(self) -> None:
        check_shares(self)
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
        check_files(self.model, self._files(), data, self.key)

    def route(self, context: BuildContext) -> TeacherRoute:
        route = route_of_files(self, self._files(), context, self.key)
        check_accuracy(self, route, self.file or type(self.model).__name__)
        return route

    def _files(self) -> list[Path]:
        return [find(self.file)] if self.file is not None else []
