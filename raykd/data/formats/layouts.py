"""How a folder of pictures says which class a picture is of, and which pictures are for the test.

A layout reads names and lists, never a picture, and gives for each split the pictures' paths below the root.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from raykd.data.formats.file_names import ENDINGS, Aside, class_pictures, folders_in
from raykd.data.formats.rows import Rows
from raykd.errors import InvalidError, MissingError

ANNOTATIONS = "val_annotations.txt"
_NONE = f"no picture in it; known endings: {', '.join(ENDINGS)}"

Labelled = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a layout finds: the number of a picture's class by its path below `root`, for each split.

    Args:
        root: where the paths begin.
        classes: their names, by number.
        train, test: the splits.
        validation: a split of its own; empty where it is to be cut from `train`.
        aside: files and folders that are in none of them, each with the reason.
        copies: of the pictures of `train`, as `copies.copies` tells them. Where it is given, a validation split is cut
            in shares of each class and copies stay together; where it is None, any pictures are held out.
        rows: where the pictures are opened by these paths, if they lie in tables and not in files of their own.
        test_is_cut: whether `test` was cut from the training pictures by the layout.
    """

    root: Path
    classes: tuple[str, ...]
    train: Labelled
    test: Labelled
    validation: Labelled = field(default_factory=dict)
    aside: tuple[Aside, ...] = ()
    copies: Mapping[str, str] | None = None
    rows: Rows | None = None
    test_is_cut: bool = False


@runtime_checkable
class Layout(Protocol):
    """A layout as it stands in a recipe."""

    name: ClassVar[str]

    def read(self, root: Path) -> Listing:
        """What lies below a folder.

        Raises:
            FileNotFoundError: a folder or list is missing; it is named.
            ValueError: a list that does not fit the others; it is named.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ClassFolders:
    """A folder for each split, and in it a folder for each class: ImageNet, Tiny-ImageNet, any folder of one's own.

    The classes are the folders of `train`, numbered in the order of their names; pictures may lie deeper in them.
    A folder of images with a `val_annotations.txt` beside it, as Tiny-ImageNet's `val` comes, is read by that list.

    Args:
        train: the folder of the training images.
        test: the folder that is read once, for the final report. The published sets call it `val`, as they keep the
            labels of theirs secret.
        validation: the folder of a validation split, if there is one; else some of `train` is held out.
    """

    name: ClassVar[str] = "class_folders"
    train: str = "train"
    test: str = "val"
    validation: str | None = None

    def __post_init__(self) -> None:
        folders = [folder for folder in (self.train, self.test, self.validation) if folder is not None]
        if len(set(folders)) < len(folders):
            raise InvalidError(f"train, test and validation must be different folders, got {', '.join(folders)}")

    def read(self, root: Path) -> Listing:
        if not (root / self.train).is_dir():
            raise MissingError(
                f"no folder {self.train!r} with a folder for each class in {root}; set root, or layout where a list "
                f"says what is for training, as CUB200()"
            )
        found = class_pictures(root, self.train)
        if empty := [name for name, pictures in found.classes.items() if not pictures]:
            raise InvalidError(f"{root / self.train / empty[0]}: {_NONE}")
        number = {name: index for index, name in enumerate(found.classes)}
        train = {picture: number[name] for name, pictures in found.classes.items() for picture in pictures}
        aside = list(found.aside)
        validation = _split(root, self.validation, number, aside) if self.validation else {}
        test = _split(root, self.test, number, aside)
        classes = tuple(found.classes)
        return Listing(root=root, classes=classes, train=train, test=test, validation=validation, aside=tuple(aside))


def _split(root: Path, folder: str, number: dict[str, int], aside: list[Aside]) -> Labelled:
    if not (root / folder).is_dir():
        raise MissingError(f"no folder {folder!r} in {root}")
    annotations = root / folder / ANNOTATIONS
    sorted_already = any(name in number for name in folders_in(root / folder))
    if annotations.is_file() and not sorted_already:
        return _by_annotations(annotations, folder, number)
    found = class_pictures(root, folder)
    labelled: Labelled = {}
    for name, pictures in found.classes.items():
        if pictures and name not in number:
            raise InvalidError(f"{root / folder / name}: the training images have no class of this name")
        if name in number and not pictures:
            raise InvalidError(f"{root / folder / name}: {_NONE}")
        labelled |= dict.fromkeys(pictures, number.get(name, -1))
    if not labelled:
        raise InvalidError(f"{root / folder}: {_NONE}")
    aside += found.aside
    return labelled


def _by_annotations(file: Path, folder: str, number: dict[str, int]) -> Labelled:
    """Tiny-ImageNet's list: a picture in `images`, its class and four numbers, separated by tabs."""
    labelled: Labelled = {}
    for line in lines(file):
        picture, name = (*line.split("\t"), "")[:2]
        if name not in number:
            raise InvalidError(f"{file}: {line!r} names no class that the training images have")
        labelled[f"{folder}/images/{picture}"] = number[name]
    return labelled


def holding(root: Path, below: str, file: str) -> Path:
    """The root, or the folder `below` it, whichever holds a file."""
    for folder in (root, root / below):
        if (folder / file).is_file():
            return folder
    raise MissingError(f"no {file} in {root} or {root / below}")


def lines(file: Path) -> list[str]:
    """The lines of a list that are not empty."""
    return [line.strip() for line in file.read_text().splitlines() if line.strip()]
