"""What a person should know of pictures that were found, a line each: what was left aside, copies, what lacks."""

from collections.abc import Iterator

from raykd.data.dataset import Dataset
from raykd.data.finding.measured import PictureSizes
from raykd.data.formats.copies import copies
from raykd.data.formats.file_names import in_words, shown
from raykd.data.formats.layouts import Listing

_MOST_NAMES = 3  # in a line


def notes_on(listing: Listing, dataset: Dataset, sizes: PictureSizes) -> Iterator[str]:
    """The lines about what a layout has found."""
    yield from in_words(listing.aside)
    if all(name.isdecimal() for name in listing.classes) and listing.classes != _counted(listing.classes):
        numbered = [f"{name} is {label}" for label, name in enumerate(listing.classes)]
        yield f"labels are counted from 0, in order: {_some(numbered)}"
    yield from _lacking(dataset)
    yield from _copies(listing)
    if sizes.unreadable:
        yield f"not readable: {_some(sizes.unreadable)}"


def _counted(classes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(str, range(len(classes))))


def _lacking(dataset: Dataset) -> Iterator[str]:
    for name in ("validation", "test"):
        there = set(getattr(dataset, name).labels.tolist())
        lacking = [shown(called) for label, called in enumerate(dataset.classes) if label not in there]
        if lacking:
            yield f"no pictures in the {name} of: {_some(lacking)}"


def _copies(listing: Listing) -> Iterator[str]:
    labelled = listing.train | listing.validation | listing.test
    found = copies(listing.root, tuple(labelled))
    if not found:
        return
    yield f"copies: {len(found)} pictures are the same as another: {_some([f'{a} = {b}' for a, b in found.items()])}"
    others = [f"{name} = {first}" for name, first in found.items() if labelled[name] != labelled[first]]
    if others:
        yield f"copies in two classes: {_some(others)}"
    splits = {"train": listing.train, "validation": listing.validation, "test": listing.test}
    side = {name: split for split, names in splits.items() for name in names}
    crossing = [f"{name} = {first}" for name, first in found.items() if side[name] != side[first]]
    if crossing:
        yield f"copies in two splits, which makes the measured accuracy too high: {_some(crossing)}"


def _some(words: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(words) - _MOST_NAMES} more" if len(words) > _MOST_NAMES else ""
    return f"{', '.join(map(shown, words[:_MOST_NAMES]))}{more}"
