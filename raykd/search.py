"""A hyperparameter's default, type and search range stand on one line of a frozen dataclass.

    temperature: float = searched(4.0, FloatDistribution(1.0, 20.0, log=True))

`space(recipe)` walks a recipe and gives every range under its path, such as `terms/kd/temperature`, and
`override(recipe, values)` puts values back under the same paths. The same path names the value in
TensorBoard, in tables and in reports. The distributions are Optuna's.
"""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

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


def fixed(default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field whose component is left out of the space, such as the teacher that a whole search shares."""
    return dataclasses.field(default=default, metadata={_FIXED: True})


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
    components are placed first, so that a value may reach into a component that the same call brings.

    Raises:
        KeyError: a path that does not exist, with the nearest ones.
        ValueError: a value that the component itself refuses, or a value of the wrong kind.
    """
    for path in sorted(values, key=lambda path: (not _is_component(values[path]), path.count("/"))):
        try:
            component = _replace(component, path.split("/"), values[path])
        except KeyError:
            raise KeyError(_unknown(path, paths(component))) from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return component


def value_at(component: Any, path: str) -> Any:
    """The value or component at a path; KeyError where there is none."""
    for name in path.split("/"):
        if isinstance(component, tuple):
            component = _named(component).get(name, _MISSING)
        elif dataclasses.is_dataclass(component):
            component = getattr(component, name, _MISSING) if name in _field_names(component) else _MISSING
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
        raise ValueError(f"{name}: the range {describe(distribution)} does not hold its default {value!r}")


def holds(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a range holds a value of the right kind (True is no number here, and 1.0 is no integer)."""
    if isinstance(distribution, CategoricalDistribution):
        return any(value == choice and type(value) is type(choice) for choice in distribution.choices)
    kinds = (int,) if isinstance(distribution, IntDistribution) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    return distribution._contains(distribution.to_internal_repr(value))


def describe(distribution: BaseDistribution) -> str:
    """A range in a reader's words: `1.0 to 20.0 (log)` or `one of 'a', 'b'`."""
    if isinstance(distribution, CategoricalDistribution):
        return "one of " + ", ".join(map(repr, distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    steps = "" if distribution.step in (None, 1) else f" in steps of {distribution.step}"
    return f"{distribution.low} to {distribution.high}{steps}{' (log)' if distribution.log else ''}"


def nearest(name: str, choices: Iterable[str]) -> str:
    """The choices that look like `name`, or all of them, as words for an error message."""
    choices = list(choices)
    close = difflib.get_close_matches(name, choices, n=3, cutoff=0.6)
    return ("did you mean " if close else "choices: ") + (", ".join(close or choices) or "none")


_MISSING = object()


def _is_component(value: Any) -> bool:
    return value is None or dataclasses.is_dataclass(value)


def _field_names(component: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(component)}


def _parts(value: Any) -> list[tuple[str, Any]]:
    """The components in a field: itself, unnamed, or the named members of a tuple."""
    if isinstance(value, tuple):
        return list(_named(value).items())
    return [("", value)] if dataclasses.is_dataclass(value) else []


def _named(components: tuple[Any, ...]) -> dict[str, Any]:
    return {part.name: part for part in components if dataclasses.is_dataclass(part) and hasattr(part, "name")}


def _replace(component: Any, path: list[str], value: Any) -> Any:
    name, *rest = path
    if isinstance(component, tuple):
        members = _named(component)
        if rest:
            members[name] = _replace(members[name], rest, value)
        elif value is None:
            del members[name]
        elif not dataclasses.is_dataclass(value) or getattr(value, "name", None) != name:
            raise ValueError(f"only a component named {name!r} fits here, got {value!r}")
        else:
            members[name] = value
        return tuple(members.values())
    if not dataclasses.is_dataclass(component) or name not in _field_names(component):
        raise KeyError(name)
    current = getattr(component, name)
    if rest:
        value = _replace(current, rest, value)
    else:
        value = _of_kind(current, value)
    return dataclasses.replace(component, **{name: value})  # pyright: ignore[reportArgumentType]


def _of_kind(current: Any, value: Any) -> Any:
    """`value` where a value like `current` stood; an integer may stand for a float, nothing else is converted."""
    if isinstance(current, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(current, bool | int | float | str) and type(value) is not type(current):
        raise ValueError(f"needs a value of type {type(current).__name__}, got {value!r}")
    return value


def _unknown(path: str, choices: list[str]) -> str:
    return f"no option {path!r}; {nearest(path, choices)}"
