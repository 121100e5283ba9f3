"""What whoever trains on a folder's pictures should know of them, as lines of the logger `raykd`.

What may be wrong is a warning: files of other endings, empty folders, pictures that are left out, copies of one
picture in two splits or classes, pictures of several frames, ones that are nearly black. What is read by a rule of
`Pixels`, and hidden files, are told at INFO.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from raykd.data.formats.file_names import HIDDEN, in_words, shown
from raykd.data.inspection import DEEP, FRAMES, TRANSPARENT, TURNED
from raykd.data.survey import Survey, in_one_list

_LOG = logging.getLogger(__name__)
_KINDS = {
    TURNED: "with an EXIF orientation",
    TRANSPARENT: "with transparency",
    DEEP: "grey of more than 8 bits",
}
_DARK = 4  # bits, without which all of a picture is darker than a sixteenth of white
_said = set[str]()  # in this process, where a data set is loaded again with each new split


def tell(found: Survey, split_of: Mapping[str, str]) -> None:
    """Logs a line for each thing; once in a process.

    Args:
        split_of: `train`, `validation` or `test`, by the path of each picture.
    """
    root = shown(str(found.listing.root))
    for level, lines in ((logging.WARNING, warnings(found, split_of)), (logging.INFO, _notes(found))):
        for line in lines:
            if (told := f"{root}: {line}") not in _said:
                _said.add(told)
                _LOG.log(level, "%s", told)


def said(found: Survey, lines: Iterable[str]) -> None:
    """Of some lines that a person is told in other ways: they are not logged any more in this process."""
    _said.update(f"{shown(str(found.listing.root))}: {line}" for line in lines)


def warnings(found: Survey, split_of: Mapping[str, str]) -> Iterator[str]:
    """What may be wrong; arguments as of `tell`."""
    inspection = found.inspection
    yield from in_words([entry for entry in found.listing.aside if entry.why != HIDDEN])
    if inspection.bad:
        yield f"goes on without some: {in_one_list(inspection.bad, len(found.lengths))}"
    if frames := inspection.kinds.get(FRAMES):
        yield f"of {_number(frames)} the first of several frames is taken"
    yield from _copies(found, split_of)
    used, depth = inspection.used
    if used <= depth - _DARK:
        yield (
            f"the deep grey pictures use at most {used} of their {depth} bits, so that they are dark; "
            f"pixels/bits={used} makes the most that they use white"
        )


def _copies(found: Survey, split_of: Mapping[str, str]) -> Iterator[str]:
    listing, copies = found.listing, found.inspection.copies
    label_of = listing.train | listing.validation | listing.test
    across = {name: first for name, first in copies.items() if split_of[name] != split_of[first]}
    if across:
        counts = Counter(f"{split_of[name]} and {split_of[first]}" for name, first in across.items())
        counted = ", ".join(f"{pair} {count}" for pair, count in counts.items())
        yield f"copies of one picture lie in two splits ({counted}), such as {_pair(across)}"
    if two := {name: first for name, first in copies.items() if label_of[name] != label_of[first]}:
        yield f"copies of one picture are of two classes ({len(two)}), such as {_pair(two)}"


def _notes(found: Survey) -> Iterator[str]:
    yield from in_words([entry for entry in found.listing.aside if entry.why == HIDDEN])
    for kind, words in _KINDS.items():
        if names := found.inspection.kinds.get(kind):
            yield f"{_number(names)} {words}"


def _number(names: Sequence[str]) -> str:
    return f"{len(names)} picture{'s' if len(names) > 1 else ''} (such as {shown(names[0])})"


def _pair(copies: Mapping[str, str]) -> str:
    name, first = next(iter(copies.items()))
    return f"{shown(first)} and {shown(name)}"
