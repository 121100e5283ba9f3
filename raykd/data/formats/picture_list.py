"""A CSV of pictures and their labels, one a line, with or without a split; a layout of `ImageFolder`.

    ImageFolder(root="photos", layout=PictureList(file="labels.csv", path="file", label="species"))

Paths count from the folder of the CSV, which is the root. Where no line names a split, it is cut from the training
pictures: of each class its share, and copies of one picture, told by their content, on one side.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from raykd.data.formats.file_names import Aside, shown
from raykd.data.formats.labels import counted
from raykd.data.formats.layouts import Listing
from raykd.data.formats.shares import TEST_SHARE, with_a_test
from raykd.data.formats.split_names import TEST, TRAIN, VALIDATION, known, split_called
from raykd.errors import InvalidError, MissingError

TWICE = "listed more than once"
DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, kw_only=True)
class PictureList:
    """A CSV; a column goes by its name in the first line, or by its number, counted from 0.

    The classes are the labels of the training pictures, in order of names, or of numbers where all labels are whole
    numbers: 3, 7 and 12 become the labels 0, 1 and 2 of classes that are called "3", "7" and "12".

    Args:
        file: its name, below the root.
        path: the column of the pictures' paths.
        label: the column of their labels.
        split: the column that says what a picture is for, as `train`, `val` or `test`; None where there is none.
        header: whether the first line names the columns.
        delimiter: what stands between two columns.
        test_share: how much of each class the test is where no line is of it. It is the same pictures for every seed.
    """

    name: ClassVar[str] = "picture_list"
    file: str
    path: str | int = 0
    label: str | int = 1
    split: str | int | None = None
    header: bool = True
    delimiter: str = ","
    test_share: float = TEST_SHARE

    def __post_init__(self) -> None:
        columns = [column for column in (self.path, self.label, self.split) if column is not None]
        if len(set(columns)) < len(columns):
            raise InvalidError(f"path, label and split must be different columns, got {columns}")
        if wrong := [column for column in columns if isinstance(column, str) and not self.header]:
            raise InvalidError(f"columns must be numbers where header is False, got {wrong[0]!r}")
        if self.delimiter not in DELIMITERS:
            raise InvalidError(f"delimiter must be one of {DELIMITERS}, got {self.delimiter!r}")
        if not 0 < self.test_share < 1:
            raise InvalidError(f"test_share must be above 0 and below 1, got {self.test_share}")

    def read(self, root: Path) -> Listing:
        file = root / self.file
        splits: dict[str, dict[str, str]] = {TRAIN: {}, VALIDATION: {}, TEST: {}}
        aside: list[Aside] = []
        for number, path, label, split in self._entries(root):
            before = [(other, labels[path]) for other, labels in splits.items() if path in labels]
            if before and before[0] != (split, label):
                raise InvalidError(
                    f"{_path(file)}, line {number}: {shown(path)} is listed before with another label or split"
                )
            aside += [Aside(path, TWICE)] * len(before)
            splits[split][path] = label
        _check_there(file, [path for labels in splits.values() for path in labels])
        return with_a_test(counted(root, file, splits, aside), self.test_share)

    def _entries(self, root: Path) -> Iterator[tuple[int, str, str, str]]:
        """Of each line its number, the picture's path below the root, the label and the split."""
        file, rows = root / self.file, rows_of(root / self.file, self.delimiter)
        names = next(rows, (0, []))[1] if self.header else []
        path, label, split = (_number(file, names, column) for column in (self.path, self.label, self.split))
        assert path is not None and label is not None
        for number, row in rows:
            if len(row) <= max(path, label, split or 0) or not row[path] or not row[label]:
                raise InvalidError(f"{_path(file)}, line {number}: no path or no label in {self.delimiter.join(row)!r}")
            called = TRAIN if split is None else split_called(row[split])
            if called is None:
                raise InvalidError(
                    f"{_path(file)}, line {number}: {row[split or 0]!r} is no split; known are {known()}"
                )
            yield number, _below(root, row[path]), row[label], called


def rows_of(file: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV that are not empty, with their numbers from 1, without space around the values.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is no CSV in UTF-8.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:  # Excel puts a mark before UTF-8
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            for row in reader:
                if any(value.strip() for value in row):
                    yield reader.line_num, [value.strip() for value in row]
    except FileNotFoundError:
        raise MissingError(f"no file {file}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidError(f"{_path(file)}: not a CSV in UTF-8 ({error})") from None


def _number(file: Path, names: list[str], column: str | int | None) -> int | None:
    if not isinstance(column, str):
        return column
    if column not in names:
        raise InvalidError(f"{_path(file)}: no column {column!r}; its columns: {', '.join(names)}")
    return names.index(column)


def _below(root: Path, path: str) -> str:
    """A path below the root, or one that leads from there to where it lies."""
    return os.path.relpath(path, root) if Path(path).is_absolute() else path.removeprefix("./")


def _check_there(file: Path, paths: list[str]) -> None:
    missing = [path for path in paths if not (file.parent / path).is_file()]
    if missing:
        raise MissingError(
            f"{_path(file)}: {len(missing)} of the {len(paths)} pictures that it names are not there, as "
            f"{shown(missing[0])}; paths count from {_path(file.parent)}"
        )


def _path(file: Path) -> str:
    return shown(str(file))
