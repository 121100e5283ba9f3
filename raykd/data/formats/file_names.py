"""Which files and folders are pictures and classes, by their names alone, and what is left aside, and why.

No file is opened here. What a system or a program leaves behind (`.DS_Store`, `._cat.jpg`, `.ipynb_checkpoints`,
`__MACOSX`, `Thumbs.db`) is no picture and no class. What has another ending than a picture's, a folder that a link
leads back to and an empty folder are left aside too; `in_words` says so, as nothing is dropped in silence. Names need
not be UTF-8: they stay as Python gives them, and `shown` makes words of them.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

# torchvision's, and further ones that Pillow's wheels read.
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
ENDINGS += (".gif", ".jfif", ".jpe", ".pbm", ".pnm", ".avif", ".jp2")
HIDDEN = "hidden or the system's"
OTHER_ENDING = "no picture by its ending"
LOOSE = "beside the class folders, so of no class"
EMPTY = "an empty folder"
NO_CLASS = "a folder without a picture in it, so no class"
LOOP = "a folder that a link leads to once more"
# Written by Windows, macOS, Python, Synology and ext4, in small letters; what begins with a dot is hidden anyway.
_OF_THE_SYSTEM = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"))
_OF_THE_SYSTEM |= {"__macosx", "__pycache__", "@eadir", "lost+found"}
_MOST_NAMES = 3  # in a line


class Aside(NamedTuple):
    """A file or a folder that is left aside: its path below the root, and one of the reasons above."""

    path: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is in a folder of class folders.

    Args:
        classes: by the name of each folder, in the order of the names, the paths of its pictures below the root, in
            order. A folder without any, that has other files, is there with no paths: whoever reads this refuses it
            where it must be a class.
        aside: what is not in `classes`.
    """

    classes: dict[str, tuple[str, ...]]
    aside: tuple[Aside, ...]


def is_ignored(name: str) -> bool:
    """Whether a file or a folder of this name is hidden or the system's."""
    return name.startswith(".") or name.lower() in _OF_THE_SYSTEM


def is_picture(name: str) -> bool:
    """Whether a file of this name is a picture by its ending, in small or capital letters."""
    return name.lower().endswith(ENDINGS)


def class_pictures(root: Path, below: str = "") -> Found:
    """The pictures in each class folder of `root/below`; they may lie deeper in it.

    Args:
        below: the path of the folder that has the class folders, with `/` between its parts; empty for the root.

    Raises:
        OSError: a folder cannot be read.
    """
    classes: dict[str, tuple[str, ...]] = {}
    aside: list[Aside] = []
    folder = root / below
    above = {_identity(str(path)) for path in (folder, *folder.resolve().parents)}
    known = set[tuple[int, int]]()
    for entry in _entries(str(folder)):
        path = f"{below}/{entry.name}" if below else entry.name
        if is_ignored(entry.name):
            aside.append(Aside(path, HIDDEN))
        elif not _is_folder(entry):
            aside.append(Aside(path, LOOSE if is_picture(entry.name) else OTHER_ENDING))
        elif (identity := _identity(entry.path)) in known:  # a second name of a class, by a link
            aside.append(Aside(path, LOOP))
        else:
            known.add(identity)
            before = len(aside)
            pictures = tuple(sorted(_pictures(entry.path, path, {*above, identity}, aside)))
            if pictures or any(other.why == OTHER_ENDING for other in aside[before:]):
                classes[entry.name] = pictures
            else:
                aside.append(Aside(path, EMPTY))
    return Found(classes=dict(sorted(classes.items())), aside=tuple(aside))


def folders_in(folder: Path) -> list[str]:
    """The names of the folders in a folder that are neither hidden nor the system's, in order."""
    return sorted(entry.name for entry in _entries(str(folder)) if not is_ignored(entry.name) and _is_folder(entry))


def in_words(aside: Sequence[Aside]) -> list[str]:
    """A line for each reason: how many were left aside, which endings they have, and the first of them."""
    lines: list[str] = []
    for why in dict.fromkeys(entry.why for entry in aside):
        paths = sorted(entry.path for entry in aside if entry.why == why)
        named = ", ".join(shown(path) for path in paths[:_MOST_NAMES])
        more = f" and {len(paths) - _MOST_NAMES} more" if len(paths) > _MOST_NAMES else ""
        count = str(len(paths))
        if why == OTHER_ENDING:
            endings = Counter(PurePosixPath(path).suffix.lower() or "no ending" for path in paths)
            counted = ", ".join(f"{shown(ending)} {number}" for ending, number in endings.most_common(_MOST_NAMES))
            count += f" ({counted}{', ...' if len(endings) > _MOST_NAMES else ''})"
        lines.append(f"left aside as {why}: {count}, {named}{more}")
    return lines


def shown(name: str) -> str:
    """A name as words that can be printed and written as UTF-8, its odd bytes as hexadecimal numbers; on one line."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _pictures(folder: str, below: str, seen: set[tuple[int, int]], aside: list[Aside]) -> Iterator[str]:
    for entry in _entries(folder):
        path = f"{below}/{entry.name}"
        if is_ignored(entry.name):
            aside.append(Aside(path, HIDDEN))
        elif _is_folder(entry):
            identity = _identity(entry.path)
            if identity in seen:  # also what would never end: a link to a folder above itself
                aside.append(Aside(path, LOOP))
            else:
                seen.add(identity)
                yield from _pictures(entry.path, path, seen, aside)
        elif is_picture(entry.name):
            yield path
        else:
            aside.append(Aside(path, OTHER_ENDING))


def _entries(folder: str) -> Iterable["os.DirEntry[str]"]:
    """What is in a folder, by name; links last, so that a folder is found in its own place."""
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: (entry.is_symlink(), entry.name))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; whoever reads it as a file says what is wrong with it
        return False


def _identity(folder: str) -> tuple[int, int]:
    seen = os.stat(folder)  # noqa: PTH116 - a Path for each would take three times as long
    return seen.st_dev, seen.st_ino
