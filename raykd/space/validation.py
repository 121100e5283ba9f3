"""Whether the values of a dataclass are of the kinds that its fields are declared with.

Python does not look; a recipe from a file or from the command line would fail deep in the training, or worse, not fail.
"""

import contextlib
import dataclasses
import functools
import itertools
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from beartype import BeartypeConf
from beartype.door import is_bearable

from raykd.errors import InvalidError, UserError

_CONFIGURATION = BeartypeConf(is_pep484_tower=True)  # an integer may stand for a float


_RULE = "rule"


def rule(words: str) -> dict[str, str]:
    """Metadata of a dataclass's field: what messages say that it must be, such as `a network such as CNN()`.

    Of a field that holds a tuple it is said of each entry.
    """
    return {_RULE: words}


def check_fields(cls: type, values: Mapping[str, Any]) -> None:
    """Refuses values that do not fit a dataclass.

    Args:
        values: by the names of its fields; what is not given is not looked at.

    Raises:
        ValueError: the field, the kind that it needs, and the value.
    """
    for name, value in values.items():
        hint = _hints(cls).get(name, Any)
        if _fits(value, hint):
            continue
        words, wrong = _rules(cls).get(name), _misfit(value, hint)
        if words is None or (wrong is value and typing.get_origin(hint) is tuple):
            raise InvalidError(f"{name}: needs {_said(hint)}, got {_told(value, hint)}")
        raise InvalidError(f"{name} must be {words}, got {_told(wrong, hint)}")


@contextlib.contextmanager
def told_at(path: str, own: bool = True) -> Iterator[None]:
    """Says of a ValueError within where in the recipe it is; not of raykd's own where those say it themselves."""
    try:
        yield
    except ValueError as error:
        if isinstance(error, UserError) and not own:
            raise
        raise InvalidError(f"{path}: {error}") from None


def missing_members(value: object, protocol: type) -> list[str]:
    """What a protocol asks for and a value does not have, by name."""
    asking = [kind for kind in protocol.__mro__ if _is_protocol(kind)]
    members = [name for kind in asking for name in (*vars(kind).get("__annotations__", {}), *vars(kind))]
    return [name for name in members if not name.startswith("_") and not hasattr(value, name)]


def is_component(cls: type) -> bool:
    """Whether a class is a frozen dataclass, as all that stands in a recipe: such values are compared and hashed."""
    parameters = getattr(cls, "__dataclass_params__", None)
    return parameters is not None and parameters.frozen


def told(value: object) -> str:
    """A value in a message; of a class what was probably meant."""
    return f"the class {value.__name__}; did you mean {value.__name__}()?" if isinstance(value, type) else repr(value)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a kind.

    True and False are numbers for Python, and none here, nor within a tuple. A class has all that its values have,
    and is no component itself.
    """
    if not is_bearable(value, hint, conf=_CONFIGURATION):
        return False
    kinds = typing.get_args(hint)
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_fits(value, kind) for kind in kinds)
    if isinstance(value, tuple) and typing.get_origin(hint) is tuple:
        each = itertools.repeat(kinds[0]) if kinds[-1:] == (Ellipsis,) else kinds
        return all(map(_fits, value, each))
    if _is_protocol(hint):
        return not isinstance(value, type)
    return not (isinstance(value, bool) and hint in (int, float))


def _misfit(value: Any, hint: Any) -> Any:
    """Of a tuple the first entry that is not of its kind, and of all else the value itself."""
    kinds = typing.get_args(hint)
    if isinstance(value, tuple) and kinds[-1:] == (Ellipsis,):
        return next(entry for entry in value if not _fits(entry, kinds[0]))
    return value


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """The kinds of a dataclass's fields; one that only type checkers can resolve may hold anything."""
    try:
        return typing.get_type_hints(cls)
    except NameError:
        return {field.name: field.type for field in dataclasses.fields(cls) if not isinstance(field.type, str)}


@functools.cache
def _rules(cls: type) -> dict[str, str]:
    return {field.name: field.metadata[_RULE] for field in dataclasses.fields(cls) if _RULE in field.metadata}


def _said(hint: Any) -> str:
    """A kind without the modules that its parts lie in."""
    plain = isinstance(hint, type) and not typing.get_args(hint)
    return hint.__name__ if plain else re.sub(r"\b(\w+\.)+(?=\w)", "", str(hint))


def _told(value: Any, hint: Any) -> str:
    """A value in a message, and what keeps a component of one's own from being what is asked for."""
    asked = [kind for kind in (hint, *typing.get_args(hint)) if _is_protocol(kind)]
    lacking = missing_members(value, asked[0]) if asked and dataclasses.is_dataclass(value) else []
    return told(value) + (f", which has no {' and no '.join(lacking)}" if lacking else "")


def _is_protocol(hint: Any) -> bool:
    return isinstance(hint, type) and typing.Protocol in hint.__bases__
