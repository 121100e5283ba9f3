"""Any folder of pictures: one's own, ImageNet, Tiny-ImageNet, CUB-200, SUN397.

Pictures of any size become squares (`Frame`). By default they stay in their files and are decoded again in every
epoch, as ImageNet's 1.28 million do not fit anywhere else. `in_memory` decodes a smaller set once, into a file of bytes
that later runs on the machine share, and keeps it on the device. A random resized crop then is one of the square, not
of the picture: other views, so that this is a part of the recipe and not a matter of speed alone.
"""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from raykd.data import Augmentation, Files, Frame, ResizedCrop, Split, cut, listed
from raykd.data.dataset import Dataset
from raykd.data.decoded import decoded
from raykd.data.formats.layouts import ClassFolders, Labelled, Layout, Listing
from raykd.data.formats.shares import cut_in_shares
from raykd.data.notices import tell
from raykd.data.standard import CACHE, absolute, cache_at_home, check_normalisation
from raykd.data.survey import Survey, check_splits, survey, usable
from raykd.data.views.pixels import Pixels
from raykd.errors import InvalidError, MissingError
from raykd.space.fields import place
from raykd.space.serialise import fingerprint

_SHARE = 0.1  # of the training images, held out where nothing else is said


@dataclass(frozen=True, kw_only=True)
class ImageFolder:
    """A folder of pictures as it stands in a recipe.

    Args:
        root: the folder; a relative one counts from the working folder of whoever makes the recipe.
        layout: how the folder tells classes and splits: `OwnFolders` for one's own, in which `val` is for validation;
            `PictureList` for a CSV, `PictureTable` for Parquet and Arrow files;
            `ClassFolders`, whose test is in `val` as in ImageNet; `CUB200` or `SUN397`.
        validation: the share of the training images that is held out; None for the layout's own validation split,
            or else a tenth. Of one's own folders it is a share of each class, and copies of a picture stay together.
        frame: how a picture becomes a square. For Tiny-ImageNet, whose pictures are squares of 64 pixels already:
            `Frame(resize=64, size=64)`.
        in_memory: decode all pictures once, to squares, and keep them on the device.
        cache: the folder of decoded sets, and of what was found in pictures; None does both anew in every process.
        mean, std: to normalise by, on the scale 0 to 1; by default ImageNet's.
        augmentation: how the training views are made; by default ImageNet's.
        seed: which images are held out, and the views.
        pixels: how what is in a file becomes red, green and blue. It matters for other pictures than plain RGB and grey
            of 8 bits, and fingerprints follow it where there are such.
        skip_bad: go on without pictures that cannot be used, which otherwise are all told in one error. Fingerprints
            follow the pictures that are left.
    """

    name: ClassVar[str] = "image_folder"
    root: str = place()
    layout: Layout = ClassFolders()
    validation: float | None = None
    frame: Frame = Frame()
    in_memory: bool = False
    cache: str | None = place(CACHE)
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    augmentation: Augmentation = Augmentation(flip=True, resized=ResizedCrop())
    seed: int = 0
    pixels: Pixels = place(Pixels())
    skip_bad: bool = place(False)

    def __post_init__(self) -> None:
        if self.validation is not None and not 0 < self.validation < 1:
            raise InvalidError(f"validation must be a share above 0 and below 1, got {self.validation}")
        if not isinstance(self.layout, Layout):
            raise InvalidError(f"layout must be a layout such as ClassFolders(), got {self.layout!r}")
        check_normalisation(self.mean, self.std, channels=3)
        object.__setattr__(self, "root", absolute(self.root))
        if self.cache is not None:
            object.__setattr__(self, "cache", absolute(self.cache))

    def contents(self) -> Mapping[str, str]:
        """What a fingerprint reads in place of `root`: a hash of what is trained on and validated on.

        That is of the pictures' paths, lengths and labels. Not of the test's: a teacher, and all else that is made for
        training, stays what it is when they change.
        """
        return {"root": _digest(self)}

    def former_contents(self) -> Mapping[str, str]:
        """What `contents` was while it followed the test's pictures too."""
        found = self.survey()
        splits = (found.listing.train, found.listing.validation, found.listing.test)
        return {"root": fingerprint([self._split(found, labelled).digest() for labelled in splits])}

    def resplit(self, seed: int) -> "ImageFolder":
        """The set with other images held out, and other views; itself where the layout has a validation split."""
        return self if self.listing().validation else dataclasses.replace(self, seed=seed)

    def skipped(self) -> dict[str, str]:
        """Why pictures are left out, by their paths below the root; empty without `skip_bad`."""
        return self.survey().inspection.bad if self.skip_bad else {}

    def at_home(self) -> "ImageFolder":
        return dataclasses.replace(self, cache=cache_at_home(self.cache))

    def load(self) -> Dataset:
        found = self.survey()
        splits = self.splits(found)
        tell(found, {name: part for part, split in splits.items() for name in split.images.names})
        if self.in_memory:
            splits = {name: decoded(split, self._cache) for name, split in splits.items()}
        return Dataset(
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            num_classes=len(found.listing.classes),
            classes=found.listing.classes,
            mean=self.mean,
            std=self.std,
            augmentation=self.augmentation,
            seed=self.seed,
            frame=self.frame,
        )

    def survey(self) -> Survey:
        """What is in the folder, and in its pictures; found out once, as long as none of them changes.

        Raises:
            FileNotFoundError, ValueError: as `listing`; pictures that cannot be used, the first and their number.
        """
        return usable(self._found(), self.skip_bad)

    def _found(self) -> Survey:
        """The survey with the pictures that cannot be used; in a worker that of its search."""
        found = listed.found(self._place, self._cache, lambda: survey(self._listing_now(), self.pixels, self._cache))
        check_splits(found.listing, self.validation)  # of another recipe for the same folder, maybe
        return found

    @property
    def _place(self) -> str:
        """The folder, and all that decides what is found in it."""
        return fingerprint({"root": self.root, "layout": self.layout, "pixels": self.pixels})

    def __reduce__(self) -> tuple[Any, ...]:
        return listed.arrived, (ImageFolder, self.__dict__, listed.told(self._place))

    @property
    def _cache(self) -> Path | None:
        return None if self.cache is None else Path(self.cache).expanduser()

    def listing(self) -> Listing:
        """What the layout finds in the folder.

        Raises:
            FileNotFoundError, ValueError: there is no such folder, or its splits do not fit this.
        """
        return self._listing_now() if listed.heard(self._place) is None else self._found().listing

    def _listing_now(self) -> Listing:
        root = Path(self.root).expanduser()
        if not root.is_dir():
            raise MissingError(f"no folder {root}; set root to the folder that has the pictures")
        listing = self.layout.read(root)
        check_splits(listing, self.validation)
        return listing

    def splits(self, found: Survey) -> dict[str, Split]:
        """The `train`, the `validation` and the `test` split of a survey, their pictures in files."""
        train, validation = self._held_out(found)
        return {"train": train, "validation": validation, "test": self._split(found, found.listing.test)}

    def _held_out(self, found: Survey) -> tuple[Split, Split]:
        """The training and the validation split."""
        listing, share = found.listing, self.validation or _SHARE
        train, validation = listing.train, listing.validation
        if not validation and listing.copies is None:
            whole = self._split(found, train)
            return cut(whole.images, whole.labels, max(1, round(share * len(whole))), self.seed)
        if not validation and listing.copies is not None:
            train, validation = cut_in_shares(train, listing.copies, share, self.seed, "validation")
        return self._split(found, train), self._split(found, validation)

    def _split(self, found: Survey, labelled: Labelled) -> Split:
        """A split of pictures in the order of their paths."""
        names = tuple(sorted(labelled))
        lengths = tuple(found.lengths[name] for name in names)
        labels = torch.tensor([labelled[name] for name in names], dtype=torch.int64)
        listing, odd = found.listing, found.inspection.odd
        return Split(Files(listing.root, names, lengths, self.frame, self.pixels, odd, listing.rows), labels)


@functools.lru_cache(maxsize=4)
def _digest(spec: ImageFolder) -> str:
    found = spec.survey()
    trained_on = (found.listing.train, found.listing.validation)
    return fingerprint([spec._split(found, labelled).digest() for labelled in trained_on])
