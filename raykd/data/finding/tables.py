"""What a table of pictures is, or a folder of tables as `datasets` and the Hub lay them out.

all.parquet                                                one table
data-00000-of-00002.arrow, state.json                      Dataset.save_to_disk
train/data-00000-of-00001.arrow, dataset_dict.json         DatasetDict.save_to_disk
data/train-00000-of-00002.parquet, data/test-00000-...     what the Hub has
"""

import glob
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from raykd.data.finding.columns import IMAGES, LABELS, the_one
from raykd.data.finding.folders import Laid
from raykd.data.formats.file_names import folders_in, is_ignored, is_picture, shown
from raykd.data.formats.picture_table import PictureTable, features
from raykd.data.formats.split_names import TEST, TRAIN, VALIDATION, split_called
from raykd.data.formats.tables import ENDINGS, schema_of, values
from raykd.errors import InvalidError

_SPLITS = ("split", "set", "subset", "partition")  # what a column of splits is called


def tables_in(root: Path) -> list[str]:
    """The tables in a folder, or else in the folders in it, by their paths; none where these hold pictures."""
    below: list[str] = []
    for folder in folders_in(root):
        with os.scandir(root / folder) as entries:
            if any(is_picture(entry.name) for entry in entries):
                return []
        below += _tables(root / folder, f"{folder}/")
    return _tables(root, "") or below


def table_layout(root: Path, files: list[str]) -> Laid:
    """How tables below a folder are to be read.

    Raises:
        FileNotFoundError, ValueError: they are none, or no splits or columns can be told.
    """
    splits: dict[str | None, list[str]] = defaultdict(list)
    for file in files:
        splits[_split_of(file)].append(file)
    if set(splits) == {None}:
        splits = {TRAIN: splits[None]}
    if TRAIN not in splits:
        raise InvalidError(f"{shown(str(root))}: no table of training images; there are {', '.join(map(shown, files))}")
    notes = [f"left aside: {shown(file)}, of no split" for file in splits.get(None, [])]
    image, label, split = _columns(root / splits[TRAIN][0], alone=len(splits) == 1)
    train, validation, test = (_pattern(root, splits.get(split)) for split in (TRAIN, VALIDATION, TEST))
    assert train is not None
    layout = PictureTable(train=train, validation=validation, test=test, image=image, label=label, split=split)
    return Laid(root, layout, tuple(notes))


def _tables(folder: Path, below: str) -> list[str]:
    """The tables right in a folder but those that `datasets` keeps beside a set, of what was computed from it."""
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith(ENDINGS))  # noqa: PTH208
    return [f"{below}{name}" for name in names if not (is_ignored(name) or name.startswith("cache-"))]


def _split_of(file: str) -> str | None:
    folder, _, name = file.rpartition("/")
    return split_called(re.split(r"[-_.]", name)[0]) or split_called(folder)


def _pattern(root: Path, files: list[str] | None) -> str | None:
    """What fits these tables and no other."""
    if files is None:
        return None
    begin, end = os.path.commonprefix(files), Path(files[0]).suffix  # noqa: RUF071 - letters are meant
    pattern = glob.escape(files[0]) if len(files) == 1 else f"{glob.escape(begin)}*{end}"
    if sorted(str(path.relative_to(root)) for path in root.glob(pattern)) != files:
        raise InvalidError(
            f"{shown(str(root))}: the tables {', '.join(map(shown, files))} are of one split, and no "
            f"pattern fits them alone"
        )
    return pattern


def _columns(file: Path, alone: bool) -> tuple[str, str, str | None]:
    """The columns of pictures, labels and splits.

    Args:
        alone: whether no other table is of another split.
    """
    schema = schema_of(file)
    told = {name: feature.get("_type") for name, feature in features(schema).items()}
    numbers = range(len(schema.names))
    pictures = [number for number in numbers if told.get(schema.names[number]) == "Image"]
    pictures = pictures or [number for number in numbers if _has_bytes(schema.field(number).type)]
    image = the_one(file, "the pictures' bytes", schema.names, pictures, IMAGES, "PictureTable(image=...)")
    labels = [number for number in numbers if told.get(schema.names[number]) == "ClassLabel"]
    labels = labels or [number for number in numbers if number != image and _may_label(schema.field(number).type)]
    splits = [schema.names[number] for number in labels if schema.names[number].lower() in _SPLITS]
    split = next((name for name in splits if alone and _all_splits(file, name)), None)
    labels = [number for number in labels if schema.names[number] != split]
    label = the_one(file, "the label", schema.names, labels, LABELS, "PictureTable(label=...)")
    return schema.names[image], schema.names[label], split


def _has_bytes(kind: Any) -> bool:
    from pyarrow import types

    names = [kind.field(number).name for number in range(kind.num_fields)] if types.is_struct(kind) else []
    return types.is_binary(kind) or types.is_large_binary(kind) or "bytes" in names


def _may_label(kind: Any) -> bool:
    from pyarrow import types

    return types.is_integer(kind) or types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind)


def _all_splits(file: Path, column: str) -> bool:
    return all(split_called(str(value)) for value in set(values(file, column)))
