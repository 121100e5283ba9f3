"""One's own pictures: a folder for each class, alone or below a folder for each split; a layout of `ImageFolder`.

    ImageFolder(root="photos", layout=OwnFolders())                                          # photos/cat, photos/dog
    ImageFolder(root="photos", layout=OwnFolders(train="train", validation="val"))           # photos/train/cat, ...

Where there is no folder of a split, it is cut from the training pictures: of each class its share, and copies of one
picture, told by their content, on one side. Here a folder `val` is for validation; the published sets, which keep the
labels of their test to themselves, test on it (`ClassFolders`). `raykd.data.finding` finds out what a folder has.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from raykd.data.formats.file_names import ENDINGS, NO_CLASS, Aside, class_pictures, shown
from raykd.data.formats.layouts import Labelled, Listing
from raykd.data.formats.shares import TEST_SHARE, with_a_test
from raykd.errors import InvalidError, MissingError


@dataclass(frozen=True, kw_only=True)
class OwnFolders:
    """Class folders, right in the root or in folders of splits; the classes are those of `train`, in order of names.

    Pictures may lie deeper in a class's folder. A folder without any is no class.

    Args:
        train: the folder that has the class folders of the training images; None for the root itself.
        validation: that of the validation; None where it is cut from the training images, see `ImageFolder.validation`.
        test: that of the test, which is read once, for the final report; None where it is cut from the training images.
        test_share: how much of each class the test then is. It is the same pictures for every seed.
    """

    name: ClassVar[str] = "own_folders"
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    test_share: float = TEST_SHARE

    def __post_init__(self) -> None:
        folders = [folder for folder in (self.train, self.validation, self.test) if folder is not None]
        if len(set(folders)) < len(folders):
            raise InvalidError(f"train, validation and test must be different folders, got {', '.join(folders)}")
        if self.train is None and folders:
            raise InvalidError(f"train must be a folder where there is a folder {folders[0]!r}, got None")
        if not 0 < self.test_share < 1:
            raise InvalidError(f"test_share must be above 0 and below 1, got {self.test_share}")

    def read(self, root: Path) -> Listing:
        aside: list[Aside] = []
        found = _pictures(root, self.train, aside)
        number = {name: index for index, name in enumerate(found)}
        train = {picture: number[name] for name, pictures in found.items() for picture in pictures}
        validation, test = (_known(root, folder, number, aside) for folder in (self.validation, self.test))
        listing = Listing(
            root=root, classes=tuple(found), train=train, validation=validation, test=test, aside=tuple(aside)
        )
        return with_a_test(listing, self.test_share)


def _pictures(root: Path, folder: str | None, aside: list[Aside]) -> dict[str, tuple[str, ...]]:
    """The pictures of each class that has some, in a split's folder; what is no picture is added to `aside`."""
    place = root if folder is None else root / folder
    if not place.is_dir():
        raise MissingError(f"no folder {folder!r} in {shown(str(root))}")
    found = class_pictures(root, folder or "")
    aside += found.aside
    aside += [Aside(f"{folder}/{name}" if folder else name, NO_CLASS) for name, own in found.classes.items() if not own]
    classes = {name: pictures for name, pictures in found.classes.items() if pictures}
    if not classes:
        raise InvalidError(f"{shown(str(place))}: no folder with pictures in it; known endings: {', '.join(ENDINGS)}")
    return classes


def _known(root: Path, folder: str | None, number: dict[str, int], aside: list[Aside]) -> Labelled:
    if folder is None:
        return {}
    found = _pictures(root, folder, aside)
    if unknown := [name for name in found if name not in number]:
        raise InvalidError(f"{shown(f'{root}/{folder}/{unknown[0]}')}: the training images have no class of this name")
    return {picture: number[name] for name, pictures in found.items() for picture in pictures}
