"""A hyperparameter's default, type and search range stand on one line of a frozen dataclass.

    temperature: float = searched(4.0, FloatDistribution(1.0, 20.0, log=True))

`space(recipe)` walks a recipe and gives every range under its path, such as `terms/kd/temperature`, and
`override(recipe, values)` puts values back under the same paths. The same path names the value in
TensorBoard, in tables and in reports. The distributions are Optuna's.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from raykd.errors import InvalidError, UnknownNameError, nearest
from raykd.space.validation import check_fields, rule, told

T = TypeVar("T")

_RANGE = "range"
_FIXED = "fixed"


def searched(default: Any, distribution: BaseDistribution) -> Any:
    """A dataclass field with a default and the range that a search draws it from.

    Raises:
        ValueError: the range does not hold its default.
    """
    check_holds(distribution, default, "a searched field")
    return dataclasses.field(default=default, metadata={_RANGE: distribution})


def fixed(default: Any = dataclasses.MISSING, *, words: str | None = None) -> Any:
    """A dataclass field whose component is left out of the space, such as the teacher that a whole search shares.

    Args:
        words: what messages say that it must be, see `raykd.space.validation.rule`.
    """
    return dataclasses.field(default=default, metadata={_FIXED: True} | (rule(words) if words else {}))


def space(component: Any, prefix: str = "") -> dict[str, BaseDistribution]:
    """The ranges of a recipe, or of any of its components, by path."""
    ranges: dict[str, BaseDistribution] = {}
    for field in dataclasses.fields(component):
        path = prefix + field.name
        if _RANGE in field.metadata:
            ranges[path] = field.metadata[_RANGE]
        elif not field.metadata.get(_FIXED):
            for name, part in _parts(getattr(component, field.name)):
                ranges |= space(part, f"{path}/{name}/" if name else f"{path}/")
    return ranges


def override(component: T, values: Mapping[str, Any]) -> T:
    """A copy of a recipe with the values at the given paths.

    A path may name a number or a whole component: `{"swap": IAKD()}` puts one in its place, and in a tuple of
    named components `{"terms/quest": None}` takes one out and `{"terms/quest": Quest()}` puts one in. Whole
    components are placed first, so that a value may reach into a component that the same call brings. Every
    component is rebuilt once, with all of its values, so that rules between fields see only the result.

    Raises:
        KeyError: a path that does not exist, with the nearest ones.
        ValueError: a value that the component itself refuses, or a value of the wrong kind.
    """
    return _override(component, values, "")


def value_at(component: Any, path: str) -> Any:
    """The value or component at a path; KeyError where there is none."""
    for name in path.split("/"):
        if isinstance(component, tuple):
            component = _named(component).get(name, _MISSING)
        elif dataclasses.is_dataclass(component):
            component = _fields(component).get(name, _MISSING)
        else:
            component = _MISSING
        if component is _MISSING:
            raise KeyError(path)
    return component


def paths(component: Any, prefix: str = "") -> list[str]:
    """Every path of a recipe that can be overridden, components included."""
    found: list[str] = []
    for field in dataclasses.fields(component):
        path = prefix + field.name
        found.append(path)
        for name, part in _parts(getattr(component, field.name)):
            inner = f"{path}/{name}" if name else path
            found += ([inner] if name else []) + paths(part, inner + "/")
    return found


def check_holds(distribution: BaseDistribution, value: Any, name: str) -> None:
    """Raises ValueError, with the rule and the value, unless the range holds the value."""
    if not holds(distribution, value):
        raise InvalidError(f"{name}: the range {describe(distribution)} does not hold its default {value!r}")


def holds(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a range holds a value of the right kind (True is no number here, and 1.0 is no integer)."""
    if isinstance(distribution, CategoricalDistribution):
        return any(value == choice and type(value) is type(choice) for choice in distribution.choices)
    kinds = (int,) if isinstance(distribution, IntDistribution) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    return distribution._contains(distribution.to_internal_repr(value))  # pyright: ignore[reportArgumentType]


def describe(distribution: BaseDistribution) -> str:
    """A range in a reader's words: `1.0 to 20.0 (log)` or `one of 'a', 'b'`."""
    if isinstance(distribution, CategoricalDistribution):
        return "one of " + ", ".join(map(repr, distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    steps = "" if distribution.step in (None, 1) else f" in steps of {distribution.step}"
    return f"{distribution.low} to {distribution.high}{steps}{' (log)' if distribution.log else ''}"


_MISSING = object()


def _fields(component: Any) -> dict[str, Any]:
    return {field.name: getattr(component, field.name) for field in dataclasses.fields(component)}


def _parts(value: Any) -> list[tuple[str, Any]]:
    """The components in a field: itself, unnamed, or the named members of a tuple."""
    if isinstance(value, tuple):
        return list(_named(value).items())
    return [("", value)] if dataclasses.is_dataclass(value) else []


def _named(components: tuple[Any, ...]) -> dict[str, Any]:
    named = {getattr(part, "name", None): part for part in components if dataclasses.is_dataclass(part)}
    return {name: part for name, part in named.items() if name is not None}


def _override(component: Any, values: Mapping[str, Any], prefix: str) -> Any:
    """`override` for the part of a recipe at `prefix`; the paths in `values` go on from there."""
    in_tuple = isinstance(component, tuple)
    members = _named(component) if in_tuple else _fields(component)
    for name, inner in _by_first_name(values).items():
        path = prefix + name
        if "" in inner and (name in members or (in_tuple and inner[""] is not None)):
            members[name] = _of_kind(members.get(name), inner.pop(""), path, name if in_tuple else None)
        if name not in members or (inner and not _has_parts(members[name])):
            wrong = f"{path}/{next(iter(inner), '')}".rstrip("/")
            raise UnknownNameError(f"no option {wrong!r}; {nearest(wrong, _choices(component, prefix))}")
        if inner:
            members[name] = _override(members[name], inner, f"{path}/")
    if in_tuple:
        return tuple(part for part in members.values() if part is not None)
    try:
        check_fields(type(component), members)
        return dataclasses.replace(component, **members)
    except ValueError as error:
        place = prefix + next(iter(values)) if len(values) == 1 else prefix.rstrip("/")
        raise InvalidError(f"{place}: {error}" if place else str(error)) from None


def _by_first_name(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The values grouped by the first name of their paths, each under the rest of its path."""
    groups: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        name, _, rest = path.partition("/")
        groups.setdefault(name, {})[rest] = value
    return groups


def _has_parts(value: Any) -> bool:
    return len(_named(value)) == len(value) if isinstance(value, tuple) else dataclasses.is_dataclass(value)


def _choices(component: Any, prefix: str) -> list[str]:
    return [prefix + name for name in _named(component)] if isinstance(component, tuple) else paths(component, prefix)


def _of_kind(current: Any, value: Any, path: str, name: str | None) -> Any:
    """`value` where a value like `current` stood; an integer may stand for a float, nothing else is converted."""
    if isinstance(value, type):
        raise InvalidError(f"{path}: needs a value, got {told(value)}")
    if isinstance(current, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(current, bool | int | float | str | tuple) and type(value) is not type(current):
        raise InvalidError(f"{path}: needs a value of type {type(current).__name__}, got {value!r}")
    if dataclasses.is_dataclass(current) and not (value is None or dataclasses.is_dataclass(value)):
        raise InvalidError(f"{path}: needs a component such as {current!r}, got {value!r}")
    if name is not None and value is not None and getattr(value, "name", None) != name:
        raise InvalidError(f"{path}: only a component named {name!r} fits here, got {value!r}")
    return value
