"""Dataclass fields that fingerprints treat apart from others."""

import dataclasses
from typing import Any

_PLACE = "place"
_LATER = "later"


def place(default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that says where or how a thing is got, not what it is; fingerprints leave it out.

    What lies there is told by its content, such as a data set's digest, wherever a hash has to follow it.
    """
    return dataclasses.field(default=default, metadata={_PLACE: True})


def later(default: Any) -> Any:
    """A dataclass field that came when there were files and artefacts without it, which meant its default.

    Fingerprints leave it out where it has its default, so that what was made before keeps its name.
    """
    return dataclasses.field(default=default, metadata={_LATER: True})


def counts(field: "dataclasses.Field[Any]", value: Any) -> bool:
    """Whether a field of a value is part of the value's fingerprint."""
    unchanged = field.metadata.get(_LATER) and getattr(value, field.name) == field.default
    return not (field.metadata.get(_PLACE) or unchanged)
