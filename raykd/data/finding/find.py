"""`find_data`: a path, and out comes a data set as it stands in a recipe, with what was found and chosen in words."""

from dataclasses import replace
from pathlib import Path

from raykd.data import Split
from raykd.data.finding.fitting import augmentation_for, frame_for, room_in_memory
from raykd.data.finding.folders import Laid, has_classes, laid_out
from raykd.data.finding.found_data import FoundData
from raykd.data.finding.lists import LISTS, list_layout, lists_in
from raykd.data.finding.measured import measure
from raykd.data.finding.notes import remarks_on
from raykd.data.finding.tables import table_layout, tables_in
from raykd.data.formats.file_names import shown
from raykd.data.formats.layouts import Listing
from raykd.data.formats.own_folders import OwnFolders
from raykd.data.formats.picture_list import PictureList
from raykd.data.formats.picture_table import PictureTable
from raykd.data.formats.tables import ENDINGS as TABLES
from raykd.data.image_folder import ImageFolder
from raykd.data.notices import said
from raykd.errors import InvalidError, MissingError

_SHARE = 0.15  # of each class, for the test, and of the rest for the validation
_MOST_HELD_OUT = 5_000  # pictures: at 90 % accuracy so many have a standard error of 0.4 points


def find_data(
    path: str | Path,
    *,
    size: int | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    skip_bad: bool = False,
) -> FoundData:
    """The pictures at a path as a data set, and what is not said about it chosen from what is there.

    Whoever calls it shows `FoundData.lines()`: what they say of the pictures is not logged when the set is loaded.

    Args:
        path: a folder of class folders, alone or below folders of splits; a CSV of paths and labels; a Parquet or
            Arrow file with pictures and labels, or a folder of them as `datasets` and the Hub lay them out.
        size: of the squares that pictures become, in pixels, where a teacher takes one size alone; by default that
            which suits the pictures.
        mean, std: to normalise by, on the scale 0 to 1, as a teacher does; by default ImageNet's.
        skip_bad: go on without pictures that cannot be read.

    Raises:
        FileNotFoundError, ValueError: nothing is there, or no data set can be made of it; one line that says why.
        OSError: a folder or a file cannot be read.
    """
    spec, notes = _detected(Path(path).expanduser())
    spec = replace(spec, skip_bad=skip_bad)
    if mean is not None and std is not None:
        spec = replace(spec, mean=mean, std=std)
    spec = _with_shares(spec, spec.listing())
    found = spec.survey()
    listing, splits = found.listing, spec.splits(found)
    remarks = tuple(remarks_on(found, splits))
    said(found, remarks)
    sizes = measure([split.images for split in splits.values()])
    frame = frame_for(sizes.widths, sizes.heights, size)
    decoded = 3 * frame.size**2 * sizes.of
    return FoundData(
        data=replace(
            spec,
            frame=frame,
            augmentation=augmentation_for(frame, listing.classes),
            in_memory=decoded <= room_in_memory(),
        ),
        path=str(path),
        classes=listing.classes,
        counts={name: _counts(split, len(listing.classes)) for name, split in splits.items()},
        cut=(*([] if listing.validation else ["validation"]), *(["test"] if listing.test_is_cut else [])),
        sizes=sizes,
        decoded=decoded,
        notes=(*notes, *remarks),
    )


def _detected(path: Path) -> tuple[ImageFolder, tuple[str, ...]]:
    """A data set at its defaults, and what to say of where it lies."""
    if path.is_dir():
        tables, lists = tables_in(path), lists_in(path)
        if tables:
            found = table_layout(path, tables)
        elif len(lists) == 1 and not has_classes(path):
            found = Laid(path, list_layout(path / lists[0]), (f"the labels are those of {shown(lists[0])}",))
        else:
            found = laid_out(path)
    elif path.suffix.lower() in LISTS:
        found = Laid(path.parent, list_layout(path), ())
    elif path.suffix.lower() in TABLES:
        found = table_layout(path.parent, [path.name])
    elif not path.exists():
        raise MissingError(f"no folder and no file {shown(str(path))}")
    else:
        raise InvalidError(
            f"{shown(str(path))}: neither a folder of pictures, nor a list of them ({', '.join(LISTS)}), nor a table "
            f"with them ({', '.join(TABLES)})"
        )
    return ImageFolder(root=str(found.root), layout=found.layout), found.notes


def _with_shares(spec: ImageFolder, listing: Listing) -> ImageFolder:
    """Fifteen in a hundred of each class for the validation and the test, of large sets some thousands."""
    pictures = len(listing.train) + len(listing.validation) + len(listing.test)
    share = max(0.001, round(min(_SHARE, _MOST_HELD_OUT / pictures), 3))
    layout = spec.layout
    if listing.test_is_cut and isinstance(layout, OwnFolders | PictureList | PictureTable):
        layout = replace(layout, test_share=share)
    return replace(spec, layout=layout, validation=None if listing.validation else share)


def _counts(split: Split, num_classes: int) -> tuple[int, ...]:
    return tuple(split.labels.bincount(minlength=num_classes).tolist())
