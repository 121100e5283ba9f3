"""A teacher that somebody has, with the eyes and the classes that its file or its library tells of."""

from typing import Any

from raykd.models.told import Told, told_by_file, told_by_library
from raykd.protocols.model import ModelSpec
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
    own = told_by_file(file) if file is not None else Told()
    library = told_by_library(model)
    told = {"eyes": own.eyes or library.eyes, "classes": own.classes or library.classes}
    return PretrainedTeacher(file=file, model=model, **(told | options))
