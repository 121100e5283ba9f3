"""What a person should know of pictures that were found, a line each: what was left aside, copies, what lacks."""

from collections.abc import Iterator, Mapping, Sequence

from raykd.data import Split
from raykd.data.formats.file_names import shown
from raykd.data.notices import warnings
from raykd.data.survey import Survey

_MOST_NAMES = 3  # in a line


def remarks_on(found: Survey, splits: Mapping[str, Split]) -> Iterator[str]:
    """The lines about a folder's pictures.

    Args:
        splits: of the survey, their pictures in files.
    """
    classes = found.listing.classes
    yield from warnings(found, {name: part for part, split in splits.items() for name in split.images.names})
    if all(name.isdecimal() for name in classes) and classes != tuple(map(str, range(len(classes)))):
        yield f"labels are counted from 0: {_some([f'{name} is {label}' for label, name in enumerate(classes)])}"
    for part in ("validation", "test"):
        there = set(splits[part].labels.tolist())
        if lacking := [name for label, name in enumerate(classes) if label not in there]:
            yield f"no pictures in the {part} of: {_some(lacking)}"


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - _MOST_NAMES} more" if len(words) > _MOST_NAMES else ""
    return f"{', '.join(map(shown, words[:_MOST_NAMES]))}{more}"
