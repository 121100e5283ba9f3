"""What the published sets share: where their files are looked for, how they are got, and how they are cut.

Files are looked for as torchvision lays them out below a root folder, and in that folder itself. With no root given:
in `data` under the working folder, in `~/.cache/raykd`, and where the system's packages put them. Nothing is
downloaded unless that is asked for.

A recipe travels: the process that trains by it may run in another folder, on another machine. So a relative root
counts from the working folder of whoever makes the recipe, at that moment, and the recipe holds the whole path.
A root that begins with `~` is looked up where it is used, as home folders differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from filelock import FileLock

from raykd.data import Augmentation, Split, channel_statistics, cut
from raykd.data.dataset import Dataset
from raykd.errors import InvalidError, MissingError
from raykd.storage.artifacts import is_own_store

HERE, CACHE = "data", "~/.cache/raykd"
TEN_DIGITS = tuple("0123456789")  # the classes of MNIST, SVHN and scikit-learn's digits, by label


@dataclass(frozen=True, kw_only=True)
class Published:
    """The files of a published set.

    Args:
        title: its name, for people.
        below: the folder, below a root, that torchvision puts the files in.
        files: their names.
        endings: what may follow a name; the first is preferred where several are there.
        fetch: downloads the set into a root, as torchvision lays it out.
    """

    title: str
    below: str
    files: tuple[str, ...]
    endings: tuple[str, ...] = ("",)
    fetch: Callable[[Path], object]

    def pinned(self, root: str | None) -> str | None:
        """A root as a recipe holds it: with the whole path, and for none `data` here, if the set lies in it."""
        if root is not None:
            return absolute(root)
        return absolute(HERE) if self._complete(self._folders((HERE,))) else None

    def downloads_at_home(self, root: str | None, download: bool) -> bool:
        """Whether files are downloaded where nobody chose the folder: not into a root, where they are missing there."""
        return download and (root is None or bool(self._complete(self._folders((root,)))))

    def find(self, root: str | None, download: bool, roots: tuple[str, ...] = (HERE, CACHE)) -> list[Path]:
        """The paths of the files, downloaded first where that is asked for and they are nowhere.

        Args:
            roots: where to look if no root is given.

        Raises:
            FileNotFoundError: what is missing, where it was looked for, and how to get it.
        """
        folders = self._folders((root,) if root else roots)
        if download and not self._complete(folders):
            self._download(Path(root or CACHE).expanduser(), folders)
        if paths := self._complete(folders):
            return paths
        fullest = max(folders, key=lambda folder: len(self._present(folder)))
        missing = [name for name in self.files if name not in self._present(fullest)]
        others = f" (or {', '.join(self.endings[1:])})" if self.endings[1:] else ""
        raise MissingError(
            f"{self.title}: no {', '.join(missing)}{others} in any of {', '.join(map(str, folders))}; "
            f"set root to the folder that has them, or download=True"
        )

    def _folders(self, roots: tuple[str, ...]) -> list[Path]:
        places = [Path(root).expanduser() for root in roots]
        return list(dict.fromkeys(folder for place in places for folder in (place / self.below, place)))

    def _complete(self, folders: list[Path]) -> list[Path]:
        """The paths of the files in the first folder that has them all, or nothing."""
        for folder in folders:
            present = self._present(folder)
            if len(present) == len(self.files):
                return [present[name] for name in self.files]
        return []

    def _present(self, folder: Path) -> dict[str, Path]:
        pairs = ((name, folder / f"{name}{ending}") for ending in reversed(self.endings) for name in self.files)
        return {name: path for name, path in pairs if path.is_file()}

    def _download(self, root: Path, folders: list[Path]) -> None:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{self.title.lower()}.lock"):  # several workers of one machine may come here at once
            if not self._complete(folders):
                self.fetch(root)


def absolute(root: str) -> str:
    """A folder's whole path, unless it begins with `~`."""
    return root if root.startswith("~") else str(Path(root).absolute())


def cache_at_home(cache: str | None) -> str | None:
    """What a recipe from a file names, if raykd has written to it for this user before, or else raykd's own."""
    return cache if cache is None or is_own_store(Path(cache).expanduser()) else CACHE


@runtime_checkable
class Spec(Protocol):
    """The fields that every published set has in a recipe; `FashionMNIST` explains them."""

    @property
    def validation(self) -> int: ...

    @property
    def limit(self) -> int | None: ...

    @property
    def mean(self) -> tuple[float, ...] | None: ...

    @property
    def std(self) -> tuple[float, ...] | None: ...

    @property
    def augmentation(self) -> Augmentation: ...

    @property
    def seed(self) -> int: ...


def check(spec: Spec, channels: int) -> None:
    """Refuses what no set can be cut or normalised by.

    Raises:
        ValueError: the rule and the value.
    """
    if spec.validation < 1:
        raise InvalidError(f"validation must be at least 1 image, got {spec.validation}")
    if spec.limit is not None and spec.limit < 1:
        raise InvalidError(f"limit must be None or at least 1 image, got {spec.limit}")
    if (spec.mean is None) != (spec.std is None):
        raise InvalidError(f"mean and std must be given together, got {spec.mean} and {spec.std}")
    if spec.mean is not None and spec.std is not None:
        check_normalisation(spec.mean, spec.std, channels)


def check_normalisation(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    """Raises ValueError unless there is a mean and a standard deviation above 0 for each channel."""
    if not len(mean) == len(std) == channels:
        raise InvalidError(f"mean and std must be one number for each of {channels} channels, got {mean} and {std}")
    if not all(value > 0 for value in std):
        raise InvalidError(f"std must be above 0, got {std}")


def assemble(spec: Spec, whole: Split, test: Split, classes: tuple[str, ...]) -> Dataset:
    """A data set of which `spec.validation` training images, chosen by the seed, are held out.

    Without a stated mean and standard deviation it is normalised by those of the pixels that are trained on.

    Args:
        classes: their names, by label.
    """
    train, validation = cut(whole.images, whole.labels, spec.validation, spec.seed)
    if spec.limit is not None:
        train = train.take(torch.arange(len(train))[: spec.limit])
    mean, std = spec.mean, spec.std
    if mean is None or std is None:
        mean, std = channel_statistics(train.images)
    return Dataset(
        train=train,
        validation=validation,
        test=test,
        num_classes=len(classes),
        classes=classes,
        mean=mean,
        std=std,
        augmentation=spec.augmentation,
        seed=spec.seed,
    )
