"""SUN397 (Xiao et al., 2010): photographs of 397 kinds of scenes, ten partitions of 50 + 50 pictures for each kind.

A layout of `ImageFolder`: `ImageFolder(root="data/SUN397", layout=SUN397(partition=1))`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from raykd.data.formats.layouts import Labelled, Listing, holding, lines
from raykd.errors import InvalidError, MissingError


@dataclass(frozen=True, kw_only=True)
class SUN397:
    """One of the ten partitions of SUN397.

    `ClassName.txt` lists the classes. `Training_NN.txt` and `Testing_NN.txt`, beside it or in `Partitions` or above,
    list the pictures.

    Args:
        partition: from 1 to 10.
    """

    name: ClassVar[str] = "sun397"
    partition: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.partition <= 10:
            raise InvalidError(f"partition must be 1 to 10, got {self.partition}")

    def read(self, root: Path) -> Listing:
        above, root = root, holding(root, "SUN397", "ClassName.txt")
        classes = lines(root / "ClassName.txt")
        number = {name: index for index, name in enumerate(classes)}
        splits: list[Labelled] = []
        for part in ("Training", "Testing"):
            file = f"{part}_{self.partition:02d}.txt"
            places = (root, root / "Partitions", above, above / "Partitions")
            found = next((place / file for place in places if (place / file).is_file()), None)
            if found is None:
                raise MissingError(f"no {file} in any of {', '.join(map(str, dict.fromkeys(places)))}")
            paths = {line: line.rpartition("/")[0] for line in lines(found)}
            if wrong := next((line for line, name in paths.items() if name not in number), None):
                raise InvalidError(f"{found}: {wrong} is of no class in ClassName.txt")
            splits.append({line.lstrip("/"): number[name] for line, name in paths.items()})
        return Listing(root=root, classes=tuple(classes), train=splits[0], test=splits[1])
