"""From labels as people write them to labels counted from 0."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from raykd.data.formats.file_names import Aside, shown
from raykd.data.formats.layouts import Labelled, Listing
from raykd.data.formats.split_names import TEST, TRAIN, VALIDATION
from raykd.errors import InvalidError


def counted(
    root: Path,
    file: Path,
    splits: Mapping[str, Mapping[str, str]],
    aside: Sequence[Aside] = (),
    order: Sequence[str] = (),
) -> Listing:
    """What a list or a table says, its labels counted from 0; the classes are those of the training pictures.

    Args:
        root: where the pictures' paths begin.
        file: that says it.
        splits: for each split the labels of its pictures, by path.
        aside: what is in no split.
        order: of the classes; by default that of their names, or of the numbers where all labels are whole numbers.

    Raises:
        ValueError: no picture to train on, or a label that none of them has.
    """
    if not splits[TRAIN]:
        raise InvalidError(f"{shown(str(file))}: no picture to train on")
    there = set(splits[TRAIN].values())
    classes = [name for name in order if name in there] if order else _in_order(there)
    number = {label: index for index, label in enumerate(classes)}
    found: dict[str, Labelled] = {}
    for split in (TRAIN, VALIDATION, TEST):
        if unknown := set(splits[split].values()) - there:
            label = shown(min(unknown))
            raise InvalidError(
                f"{shown(str(file))}: no picture to train on has the label {label!r}, which one of the {split} has"
            )
        found[split] = {path: number[label] for path, label in splits[split].items()}
    return Listing(
        root=root,
        classes=tuple(classes),
        train=found[TRAIN],
        validation=found[VALIDATION],
        test=found[TEST],
        aside=tuple(aside),
    )


def _in_order(labels: set[str]) -> list[str]:
    try:
        return sorted(labels, key=lambda label: (int(label), label))
    except ValueError:
        return sorted(labels)
