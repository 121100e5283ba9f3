"""A folder's pictures as a data set takes them: all looked into, bad ones refused in one list or gone on without."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from raykd.data.formats.file_names import shown
from raykd.data.formats.layouts import Labelled, Listing
from raykd.data.formats.shares import check_classes
from raykd.data.inspection import NOT_THERE, Inspection, inspect, states
from raykd.data.views.pixels import Pixels
from raykd.errors import InvalidError, MissingError

_MOST_NAMED = 10  # bad pictures in a message
_SPLITS = ("train", "validation", "test")


class Survey(NamedTuple):
    """What was found.

    Args:
        listing: in `usable`'s without the bad pictures.
        lengths: of the files, in bytes, by path.
        inspection: what is in the files.
    """

    listing: Listing
    lengths: Mapping[str, int]
    inspection: Inspection


def survey(listing: Listing, pixels: Pixels, cache: Path | None) -> Survey:
    """Looks into all pictures of all splits.

    Args:
        cache: where what was found is kept, as of `inspect`.

    Raises:
        ValueError: fewer than two classes.
    """
    check_classes(listing)
    names = (name for split in _SPLITS for name in sorted(getattr(listing, split)))
    files = states(listing.root, names, listing.rows)
    inspection = inspect(listing.root, files, pixels, cache, listing.rows)
    return Survey(listing, {name: state.length for name, state in files.items()}, inspection)


def check_splits(listing: Listing, share: float | None) -> None:
    """Refuses splits that do not fit a data set.

    Args:
        share: of the training images, that is to be held out; None where nothing is said.

    Raises:
        ValueError: there is a validation split besides; a picture is in two splits.
    """
    if listing.validation and share is not None:
        raise InvalidError("validation must be None where the layout has a validation split of its own")
    if shared := listing.train.keys() & (listing.test.keys() | listing.validation.keys()):
        raise InvalidError(f"{listing.root}: {min(shared)} is for training and for the test or the validation")


def usable(found: Survey, skip_bad: bool) -> Survey:
    """What was found, without pictures that cannot be used.

    Args:
        skip_bad: go on without them.

    Raises:
        ValueError: there are bad pictures, the first of them and their number; nothing is left of a class.
        FileNotFoundError: the same, where all of them are not there.
    """
    listing, inspection = found.listing, found.inspection
    if inspection.bad and not skip_bad:
        kind = MissingError if set(inspection.bad.values()) == {NOT_THERE} else InvalidError
        listed = in_one_list(inspection.bad, len(found.lengths))
        raise kind(
            f"{shown(str(listing.root))}: {listed}; mend or remove them, or go on without them by --skip-bad "
            f"(data/skip_bad)"
        )
    return found._replace(listing=_without(listing, inspection.bad)) if inspection.bad else found


def in_one_list(bad: Mapping[str, str], total: int) -> str:
    """How many pictures are bad, and which and why, as far as a line has room."""
    named = "; ".join(f"{shown(name)} ({reason})" for name, reason in list(bad.items())[:_MOST_NAMED])
    more = f"; and {len(bad) - _MOST_NAMED} more" if len(bad) > _MOST_NAMED else ""
    return f"{len(bad)} of {total} pictures cannot be used: {named}{more}"


def _without(listing: Listing, bad: Mapping[str, str]) -> Listing:
    left = dict[str, Labelled]()
    for split in _SPLITS:
        left[split] = {name: label for name, label in getattr(listing, split).items() if name not in bad}
    if gone := set(range(len(listing.classes))) - set(left["train"].values()):
        raise InvalidError(f"{listing.root}: no training picture of the class {listing.classes[min(gone)]} can be used")
    if empty := next((split for split in _SPLITS if getattr(listing, split) and not left[split]), None):
        raise InvalidError(f"{listing.root}: no {empty} picture can be used")
    return dataclasses.replace(listing, **left)
