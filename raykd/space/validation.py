"""Whether the values of a dataclass are of the kinds that its fields are declared with.

Python does not look; a recipe from a file or from the command line would fail deep in the training, or worse, not fail.
"""

import dataclasses
import functools
import itertools
import types
import typing
from collections.abc import Mapping
from typing import Any

from beartype import BeartypeConf
from beartype.door import is_bearable

from raykd.errors import InvalidError

_CONFIGURATION = BeartypeConf(is_pep484_tower=True)  # an integer may stand for a float


def check_fields(cls: type, values: Mapping[str, Any]) -> None:
    """Refuses values that do not fit a dataclass.

    Args:
        values: by the names of its fields; what is not given is not looked at.

    Raises:
        ValueError: the field, the kind that it needs, and the value.
    """
    for name, value in values.items():
        hint = _hints(cls).get(name, Any)
        if not _fits(value, hint):
            raise InvalidError(f"{name}: needs {_said(hint)}, got {value!r}")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a kind; True and False are numbers for Python, and none here, nor within a tuple."""
    if not is_bearable(value, hint, conf=_CONFIGURATION):
        return False
    kinds = typing.get_args(hint)
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_fits(value, kind) for kind in kinds)
    if isinstance(value, tuple) and typing.get_origin(hint) is tuple:
        each = itertools.repeat(kinds[0]) if kinds[-1:] == (Ellipsis,) else kinds
        return all(map(_fits, value, each))
    return not (isinstance(value, bool) and hint in (int, float))


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """The kinds of a dataclass's fields; one that only type checkers can resolve may hold anything."""
    try:
        return typing.get_type_hints(cls)
    except NameError:
        return {field.name: field.type for field in dataclasses.fields(cls) if not isinstance(field.type, str)}


def _said(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
