"""What the process that starts a search finds in a folder of pictures, kept so that its workers need not find it anew.

To list a folder takes a look at each picture (1.28 million for ImageNet), and a network's file system feels it where
512 workers do so at once. So whoever starts a search does it, each time, and keeps what it found as an artefact beside
the decoded pictures; a recipe that is sent to another process takes the artefact's name along, and a worker reads that
one, or makes it once for its machine where the machine has a cache of its own. The name is a hash of what was found:
all paths, labels, lengths and what is in the pictures. A folder that has changed has another one, and is seen whenever
a search is started or gone on with; workers that come later go by what their search has begun with, and what it
listed and is gone by then ends the trial with the picture's name. Every other process looks for itself, as it did.
"""

import dataclasses
import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from raykd.data.caching import kept
from raykd.data.formats.file_names import Aside
from raykd.data.formats.layouts import Listing
from raykd.data.inspection import Inspection
from raykd.data.survey import Survey
from raykd.errors import InvalidError

T = TypeVar("T")
_KIND, _FILE = "listings", "listing.json"
_VERSION = 1
_SPLITS = ("train", "validation", "test")


class Told(NamedTuple):
    """What a recipe that is sent takes along.

    Args:
        process: that has looked into the folder.
        place: the folder and how it is read.
        key: of the artefact.
    """

    process: str
    place: str
    key: str


_PROCESS = uuid.uuid4().hex  # a copy of a recipe within the process tells it nothing
_found: dict[str, str] = {}  # by place, the key of what this process found last
_heard: dict[str, Told] = {}  # by place, what another process found
_read: dict[str, Survey] = {}  # by key
_is_worker = False


def become_worker() -> None:
    """Lets this process go by what the process found that has sent it its work; of no other is that asked.

    A search that is gone on with may bring back recipes of its former driver's, which its new one must not go by.
    """
    global _is_worker
    _is_worker = True


def told(place: str) -> Told | None:
    """What is known here of a folder, for a recipe that is sent to another process."""
    if place in _found:
        return Told(_PROCESS, place, _found[place])
    return _heard.get(place)


def arrived(cls: type[T], fields: dict[str, Any], what: Told | None) -> T:
    """A part of a recipe that another process has sent, with what it has told; as its `__reduce__` says."""
    if what is not None and what.process != _PROCESS:
        _heard[what.place] = what
    made = cls.__new__(cls)
    made.__dict__.update(fields)
    return made


def heard(place: str) -> str | None:
    """The key of what a worker's search has found in a folder; None in all other processes."""
    return _heard[place].key if _is_worker and place in _heard else None


def found(place: str, cache: Path | None, look: Callable[[], Survey]) -> Survey:
    """What is in a folder: as its search has found it, in a worker, and else as `look` finds it now.

    Args:
        place: a hash of the folder's path and of how it is read.
        cache: where what was found is kept; None for every process to look.
    """
    if cache is None:
        return look()
    if (key := heard(place)) is not None:
        return _as_heard(key, cache, look)
    survey = look()
    if survey.listing.rows is None:  # of tables nobody looks at each picture's row
        text = _text(survey)
        key = _key(text)
        if kept(cache, _KIND, key, lambda folder: _write(folder, text)) is not None:
            _found[place] = key
    return survey


def _as_heard(key: str, cache: Path, look: Callable[[], Survey]) -> Survey:
    if key not in _read:
        folder = kept(cache, _KIND, key, lambda folder: _write(folder, _the_same(look(), key)))
        _read[key] = look() if folder is None else _survey((folder / _FILE).read_text())
    return _read[key]


def _the_same(survey: Survey, key: str) -> str:
    """What a machine of its own cache finds, if that is what its search has begun with."""
    text = _text(survey)
    if _key(text) != key:
        raise InvalidError(
            f"{survey.listing.root}: other pictures than the search has begun with; go on with it by --resume, which "
            "says what has changed"
        )
    return text


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _write(folder: Path, text: str) -> None:
    (folder / _FILE).write_text(text)


def _text(survey: Survey) -> str:
    listing = survey.listing
    told = {
        "version": _VERSION,
        "root": str(listing.root),
        "classes": listing.classes,
        "aside": listing.aside,
        "copies": None if listing.copies is None else dict(listing.copies),
        "test_is_cut": listing.test_is_cut,
        "lengths": dict(survey.lengths),
        "inspection": dataclasses.asdict(survey.inspection),
    }
    return json.dumps(told | {split: getattr(listing, split) for split in _SPLITS}, separators=(",", ":"))


def _survey(text: str) -> Survey:
    read = json.loads(text)
    listing = Listing(
        root=Path(read["root"]),
        classes=tuple(read["classes"]),
        aside=tuple(Aside(*entry) for entry in read["aside"]),
        copies=read["copies"],
        test_is_cut=read["test_is_cut"],
        **{split: read[split] for split in _SPLITS},
    )
    return Survey(listing, read["lengths"], Inspection.from_json(read["inspection"]))
