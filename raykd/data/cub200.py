"""CUB-200-2011 (Wah et al., 2011): 5,994 + 5,794 photographs of birds, 200 classes; a layout of `ImageFolder`.

ImageFolder(root="data/CUB_200_2011", layout=CUB200())
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from raykd.data.formats.layouts import Labelled, Listing, holding, lines
from raykd.errors import InvalidError, MissingError

_MARKER = "train_test_split.txt"


@dataclass(frozen=True, kw_only=True)
class CUB200:
    """Caltech-UCSD Birds 200, 2011: `images.txt`, `image_class_labels.txt` and `train_test_split.txt`."""

    name: ClassVar[str] = "cub200"

    def read(self, root: Path) -> Listing:
        root = holding(root, "CUB_200_2011", _MARKER)
        paths, labels, trains, names = (
            _table(root / file) for file in ("images.txt", "image_class_labels.txt", _MARKER, "classes.txt")
        )
        for file, table in (("image_class_labels.txt", labels), (_MARKER, trains)):
            if table.keys() != paths.keys():
                raise InvalidError(f"{root / file}: its {len(table)} images are not the {len(paths)} of images.txt")
        if unknown := next((value for value in labels.values() if value not in names), None):
            raise InvalidError(f"{root / 'image_class_labels.txt'}: class {unknown} is not in classes.txt")
        number = {key: index for index, key in enumerate(names)}
        splits: dict[str, Labelled] = {"1": {}, "0": {}}
        for key, path in paths.items():
            if trains[key] not in splits:
                raise InvalidError(f"{root / _MARKER}: image {key} is marked {trains[key]!r}, neither 1 nor 0")
            splits[trains[key]][f"images/{path}"] = number[labels[key]]
        return Listing(root=root, classes=tuple(names.values()), train=splits["1"], test=splits["0"])


def _table(file: Path) -> dict[str, str]:
    """A list of keys and values, separated by a space."""
    if not file.is_file():
        raise MissingError(f"no {file.name} in {file.parent}")
    pairs = [line.split(maxsplit=1) for line in lines(file)]
    if wrong := next((pair for pair in pairs if len(pair) != 2), None):
        raise InvalidError(f"{file}: needs two words a line, got {' '.join(wrong)!r}")
    return dict(pairs)
