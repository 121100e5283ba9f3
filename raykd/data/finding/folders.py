"""What a folder of pictures is: class folders alone, or below folders of splits, perhaps some folders deeper."""

import os
from pathlib import Path
from typing import NamedTuple

from raykd.data.formats.file_names import folders_in, is_ignored, is_picture, shown
from raykd.data.formats.layouts import ANNOTATIONS, ClassFolders, Layout
from raykd.data.formats.own_folders import OwnFolders
from raykd.data.formats.split_names import TEST, TRAIN, VALIDATION, known, split_called
from raykd.errors import InvalidError

_DEEPEST = 8  # folders in each other, each the only one; an archive makes one or two


class Laid(NamedTuple):
    """Where pictures lie, how, and what a person should know of it."""

    root: Path
    layout: Layout
    notes: tuple[str, ...]


def laid_out(root: Path) -> Laid:
    """How the pictures below a folder are sorted.

    Raises:
        ValueError: into no classes, or into splits that cannot be told.
        OSError: a folder cannot be read.
    """
    given, notes = root, []
    while len(folders := folders_in(root)) == 1 and split_called(folders[0]) is None:
        if not folders_in(root / folders[0]) or len(root.parts) > len(given.parts) + _DEEPEST:
            break
        root = root / folders[0]
    if root != given:
        notes.append(f"the class folders lie deeper, in {_path(root)}")
    splits = _splits(root, folders)
    if splits:
        layout, more = _split_layout(root, splits, folders)
        return Laid(root, layout, (*notes, *more))
    if not folders:
        raise InvalidError(
            f"{_path(root)}: {_loose(root)}no folder for each class; sort the pictures, or list them in a CSV"
        )
    _refuse_splits_below(root, folders)
    return Laid(root, OwnFolders(), tuple(notes))


def has_classes(root: Path) -> bool:
    """Whether there are two folders in a folder, or folders in the only one, which then may be of classes."""
    folders = folders_in(root)
    return len(folders) > 1 or any(folders_in(root / folder) for folder in folders)


def _splits(root: Path, folders: list[str]) -> dict[str, str]:
    """The folder of each split; empty where there are class folders alone.

    Raises:
        ValueError: two folders for one split, or folders of splits without that of the training images.
    """
    called = {name: split for name in folders if (split := split_called(name))}
    train = [name for name, split in called.items() if split == TRAIN and folders_in(root / name)]
    if not train:
        if wrong := [name for name, split in called.items() if split != TRAIN]:
            raise InvalidError(
                f"{_path(root)}: a folder {wrong[0]!r}, but none of training images with class folders in it; known "
                f"names of splits are {known()}"
            )
        return {}
    splits: dict[str, str] = {}
    for name, split in called.items():
        if split in splits:
            raise InvalidError(
                f"{_path(root)}: two folders for {split}, {splits[split]} and {name}; move one of them away"
            )
        splits[split] = name
    return splits


def _split_layout(root: Path, splits: dict[str, str], folders: list[str]) -> tuple[Layout, list[str]]:
    train, validation, test = (splits.get(split) for split in (TRAIN, VALIDATION, TEST))
    notes = [f"left aside: folder {shown(name)}, of no split" for name in folders if name not in splits.values()]
    if (train, validation) == ("train", "val") and (root / "val" / ANNOTATIONS).is_file():
        return ClassFolders(), [*notes, f"val is the test here, as in Tiny-ImageNet, by its list {ANNOTATIONS}"]
    for name in (validation, test):
        if name is not None and not folders_in(root / name):
            notes.append(f"left aside: folder {name}, {_loose(root / name)}no folder for each class")
    validation, test = (name if name and folders_in(root / name) else None for name in (validation, test))
    return OwnFolders(train=train, validation=validation, test=test), notes


def _refuse_splits_below(root: Path, folders: list[str]) -> None:
    below = [folders_in(root / name) for name in folders]
    if all(below) and all(split_called(name) for names in below for name in names):
        raise InvalidError(
            f"{_path(root / folders[0])}: has folders of splits in it ({', '.join(map(shown, below[0]))}); a split's "
            f"folder must have the classes in it, as {shown(f'{below[0][0]}/{folders[0]}')}"
        )


def _loose(folder: Path) -> str:
    count = sum(is_picture(name) and not is_ignored(name) for name in os.listdir(folder))  # noqa: PTH208 - names alone
    return f"{count} pictures and " if count else ""


def _path(folder: Path) -> str:
    return shown(str(folder))
