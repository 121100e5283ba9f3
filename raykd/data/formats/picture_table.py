"""Arrow and Parquet files with pictures and labels in their rows, as `datasets` writes them; a layout of `ImageFolder`.

    ImageFolder(root="beans", layout=PictureTable(train="data/train-*.parquet", test="data/test-*.parquet"))

A picture is a column's bytes, or those in a struct `{bytes, path}`. Where nothing names a split, it is cut from the
training pictures: of each class its share, and copies of one picture, told by their content, on one side.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from raykd.data.formats.file_names import Aside, shown
from raykd.data.formats.labels import counted
from raykd.data.formats.layouts import Listing
from raykd.data.formats.rows import Rows
from raykd.data.formats.shares import TEST_SHARE, with_a_test
from raykd.data.formats.split_names import TEST, TRAIN, VALIDATION, known, split_called
from raykd.data.formats.tables import schema_of, values
from raykd.data.standard import CACHE, cache_at_home
from raykd.errors import InvalidError, MissingError
from raykd.space.fields import place

UNLABELLED = "without a label"


@dataclass(frozen=True, kw_only=True)
class PictureTable:
    """Tables of pictures.

    The classes are the labels of the training pictures, in the order that the tables' own `ClassLabel` states, or else
    in order of names, or of numbers where all labels are whole numbers.

    Args:
        train: the files of the training images below the root, as a pattern with `*` and `?`.
        validation, test: those of the others; None where they are cut from the training images.
        image: the column of the pictures.
        label: the column of their labels.
        split: a column that says what a row of `train` is for, as `train`, `val` or `test`; None where there is none.
        test_share: how much of each class the test is where it is cut. It is the same pictures for every seed.
        cache: the folder that packed pictures are unpacked to; None to hold them in memory.
    """

    name: ClassVar[str] = "picture_table"
    train: str
    validation: str | None = None
    test: str | None = None
    image: str = "image"
    label: str = "label"
    split: str | None = None
    test_share: float = TEST_SHARE
    cache: str | None = place(CACHE)

    def __post_init__(self) -> None:
        if self.split is not None and (self.validation or self.test):
            raise InvalidError("split must be None where validation or test are files of their own")
        if not 0 < self.test_share < 1:
            raise InvalidError(f"test_share must be above 0 and below 1, got {self.test_share}")

    def at_home(self) -> "PictureTable":
        return replace(self, cache=cache_at_home(self.cache))

    def read(self, root: Path) -> Listing:
        rows = Rows(
            root=root, column=self.image, cache=None if self.cache is None else str(Path(self.cache).expanduser())
        )
        splits: dict[str, dict[str, str]] = {TRAIN: {}, VALIDATION: {}, TEST: {}}
        aside: list[Aside] = []
        order: dict[str, None] = {}
        for split, pattern in ((TRAIN, self.train), (VALIDATION, self.validation), (TEST, self.test)):
            for file in _files(root, pattern):
                order |= dict.fromkeys(class_names(schema_of(root / file), self.label))
                for picture, label, said in zip(rows.names(file), *self._told(root / file, split), strict=True):
                    if label is None:
                        aside.append(Aside(picture, UNLABELLED))
                    else:
                        splits[said][picture] = label
        listing = counted(root, root / self.train, splits, aside, tuple(order))
        return with_a_test(replace(listing, rows=rows), self.test_share)

    def _told(self, file: Path, split: str) -> tuple[list[str | None], list[str]]:
        """Of each row the label, None where there is none, and the split."""
        names = class_names(schema_of(file), self.label)
        labels = [_label(file, value, names) for value in values(file, self.label)]
        if self.split is None:
            return labels, [split] * len(labels)
        called = {value: split_called(str(value)) for value in set(values(file, self.split))}
        if wrong := [value for value, split in called.items() if split is None]:
            raise InvalidError(
                f"{shown(str(file))}: {wrong[0]!r} in column {self.split!r} is no split; known are {known()}"
            )
        return labels, [called[value] or "" for value in values(file, self.split)]


def class_names(schema: Any, label: str) -> list[str]:
    """The names of a `ClassLabel` column, by number, as `datasets` writes them beside a schema; empty without them."""
    feature = features(schema).get(label, {})
    return feature.get("names", []) if feature.get("_type") == "ClassLabel" else []


def features(schema: Any) -> dict[str, dict[str, Any]]:
    """What `datasets` says of a table's columns, by their names; of other tables nothing."""
    told = (schema.metadata or {}).get(b"huggingface")
    found = json.loads(told).get("info", {}).get("features", {}) if told else {}
    return {name: feature for name, feature in found.items() if isinstance(feature, dict)}


def _files(root: Path, pattern: str | None) -> list[str]:
    """The tables of a split, by their paths below the root, in order."""
    if pattern is None:
        return []
    if not (found := sorted(str(path.relative_to(root)) for path in root.glob(pattern))):
        raise MissingError(f"no file {pattern} in {shown(str(root))}")
    return found


def _label(file: Path, value: Any, names: list[str]) -> str | None:
    """A row's label as a word; None for none, which in a column with names is -1 too."""
    if value is None or (names and value == -1):
        return None
    if isinstance(value, str) or (isinstance(value, int) and not names):
        return str(value)
    if not isinstance(value, int) or not 0 <= value < len(names):
        rule = f"of 0 to {len(names) - 1}" if names else "words or whole numbers"
        raise InvalidError(f"{shown(str(file))}: labels must be {rule}, got {value!r}")
    return names[value]
