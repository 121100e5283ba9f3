"""Which one of several columns is meant: the only one that may be, or that with the most usual name."""

from collections.abc import Sequence
from pathlib import Path

from raykd.data.formats.file_names import shown
from raykd.errors import InvalidError

PATHS = ("file", "path", "image", "file_name", "filename", "filepath", "file_path", "image_path")
IMAGES = ("image", "img", "picture", "photo", "bytes")
# The last one is CIFAR-100's, which has a coarse one beside it.
LABELS = ("label", "labels", "class", "class_name", "classname", "category", "target", "species", "breed", "y")
LABELS += ("fine_label",)


def the_one(
    file: Path, what: str, names: Sequence[str], candidates: Sequence[int], usual: Sequence[str], setting: str
) -> int:
    """The number of a column.

    Args:
        what: it holds, in words that go on from "none of its columns is".
        names: of all columns.
        candidates: the numbers of those that may be it.
        usual: its names, the most usual first.
        setting: that says which it is, where it cannot be told.

    Raises:
        ValueError: it cannot be told.
    """
    if len(candidates) == 1:
        return candidates[0]
    for name in usual:
        for column in candidates:
            if names[column].lower() == name:
                return column
    may_be = f"{len(candidates)} of its columns may be" if candidates else "none of its columns is"
    raise InvalidError(
        f"{shown(str(file))}: {may_be} {what}; its columns: {', '.join(map(shown, names))}; "
        f"call it {usual[0]!r}, or set layout={setting}"
    )
