"""A teacher that somebody has, with the eyes and the classes that its file or its library tells of."""

import dataclasses
from typing import Any

from raykd.models.told import Told, told_by_file, told_by_library
from raykd.protocols.model import ModelSpec
from raykd.teachers.folder import CheckpointFolder
from raykd.teachers.pretrained import PretrainedTeacher


def pretrained(model: ModelSpec | None = None, file: str | None = None, **options: Any) -> PretrainedTeacher:
    """A teacher as it stands in a recipe, whose `eyes` and `classes` are written out.

        pretrained(network("timm/resnet50", pretrained=True), scores="matched")

    Args:
        model, file: as of `PretrainedTeacher`; what the file tells goes before what the library tells.
        options: all else of a `PretrainedTeacher`; eyes or classes that are given here are taken as they are.

    Raises:
        ValueError: what the file tells cannot be.
        FileNotFoundError: it is not there.
    """
    return PretrainedTeacher(file=file, model=model, **(_told(model, file) | options))


def checkpoints(model: ModelSpec | None, folder: str, pattern: str = "*.pth", **options: Any) -> CheckpointFolder:
    """A folder of checkpoints as it stands in a recipe, with what the last of them tells written out.

    Args:
        model, folder, pattern: as of `CheckpointFolder`.
        options: all else of one; what is given here is taken as it is.

    Raises:
        ValueError: what the file tells cannot be.
        FileNotFoundError: there is none.
    """
    bare = CheckpointFolder(folder=folder, model=model, pattern=pattern, key=options.get("key"))
    return dataclasses.replace(bare, **(_told(model, str(bare.last())) | options))


def _told(model: ModelSpec | None, file: str | None) -> dict[str, Any]:
    own = told_by_file(file) if file is not None else Told()
    library = told_by_library(model)
    return {"eyes": own.eyes or library.eyes, "classes": own.classes or library.classes}
