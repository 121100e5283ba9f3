"""Which columns of a CSV are paths, labels and splits, and whether its first line names them: by their values."""

import os
from itertools import islice
from pathlib import Path

from raykd.data.finding.columns import LABELS, PATHS, the_one
from raykd.data.formats.file_names import is_ignored, is_picture, shown
from raykd.data.formats.picture_list import DELIMITERS, PictureList, rows_of
from raykd.data.formats.split_names import split_called
from raykd.errors import InvalidError

LISTS = (".csv", ".tsv", ".txt")
_LOOKED_AT = 200  # lines


def lists_in(folder: Path) -> list[str]:
    """The names of the CSVs right in a folder; a text beside pictures may say anything."""
    names = os.listdir(folder)  # noqa: PTH208 - names alone
    return sorted(name for name in names if name.lower().endswith(LISTS[:2]) and not is_ignored(name))


def list_layout(file: Path) -> PictureList:
    """The layout of a CSV.

    Raises:
        FileNotFoundError, ValueError: it is not there, or no columns of paths and labels can be told.
    """
    delimiter, rows = _rows(file)
    columns = range(min(map(len, rows)))
    paths = [column for column in columns if all(is_picture(row[column]) for row in rows[1:] or rows)]
    header = len(rows) > 1 and not any(is_picture(rows[0][column]) for column in paths)
    names = rows[0] if header else [str(column) for column in columns]
    path = the_one(file, "a picture's path, as ends in .jpg or .png", names, paths, PATHS, "PictureList(path=...)")
    others = [column for column in columns if column not in paths]
    splits = [column for column in others if all(split_called(row[column]) for row in rows[header:])]
    split = splits[0] if splits and len(others) > 1 else None
    others = [column for column in others if column != split]
    label = the_one(file, "the label", names, others, LABELS, "PictureList(label=...)")

    def told(column: int) -> str | int:
        name = names[column]
        return name if header and name and names.count(name) == 1 else column

    return PictureList(
        file=file.name,
        path=told(path),
        label=told(label),
        split=None if split is None else told(split),
        header=header,
        delimiter=delimiter,
    )


def _rows(file: Path) -> tuple[str, list[list[str]]]:
    """What stands between two columns, of all choices that which makes the most of them, and the first lines."""
    choices: list[tuple[str, list[list[str]]]] = []
    refused: list[InvalidError] = []
    for delimiter in DELIMITERS:
        try:
            choices.append((delimiter, [row for _, row in islice(rows_of(file, delimiter), _LOOKED_AT)]))
        except InvalidError as error:  # of the wrong delimiter also where quotes then stand within a value
            refused.append(error)
    if not choices:
        raise refused[0]
    delimiter, rows = max(choices, key=lambda choice: min(map(len, choice[1]), default=0))
    if not rows:
        raise InvalidError(f"{shown(str(file))}: empty")
    return delimiter, rows
