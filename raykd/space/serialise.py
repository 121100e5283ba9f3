"""Recipes as JSON that a person can read and that loads without running code, and hashes of what they say.

A component of raykd stands in a file, and in the hash that names an artefact, under its own public name, such as `sgd`,
`quest` or `cnn`, wherever the code that defines it lies: a module that moves makes no recipe unreadable and no artefact
anew. A user's class goes by its module and its name, as two studies may each have a `Net` of their own.
"""

import dataclasses
import functools
import hashlib
import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from raykd.errors import InvalidError
from raykd.space.fields import counts
from raykd.space.validation import check_fields, is_component

_TYPE = "type"
_PACKAGE = "raykd."
# Where raykd's own components are defined, packages with all that is in them.
_HOMES = ("recipe", "optim", "methods", "models", "data", "teachers")


@runtime_checkable
class NamesFiles(Protocol):
    """A dataclass whose meaning lies in files that it names, such as weights; fingerprints follow their content."""

    def contents(self) -> Mapping[str, Any]:
        """By name of the field, what fingerprints read in its place, such as the file's SHA-256.

        Raises:
            FileNotFoundError: it is not there.
        """
        ...


def encode(value: Any) -> Any:
    """A value as JSON's types: a dataclass becomes an object that names its class, a tuple an array.

    Raises:
        TypeError: a value of another kind, such as a function.
    """
    return _encode(value, with_places=True)


def decode(data: Any, types: Iterable[type] = ()) -> Any:
    """The value that `encode` made `data` from; arrays become tuples.

    Args:
        types: dataclasses beside raykd's own that may stand in it, such as a user's method. No other class
            is ever looked up, and no function is called but these classes.

    Raises:
        ValueError: an unknown class, or fields that its class does not have or refuses.
    """
    return _decode(data, {type_name(cls): cls for cls in types})


def types_in(value: Any) -> Iterator[type]:
    """The dataclasses that stand in a value, for `decode`; some more than once."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for entry in value:
        yield from types_in(entry)


def fingerprint(value: Any) -> str:
    """A hash of all that a value says but places, and of the files it names; 32 digits, the same on every machine."""
    text = json.dumps(stated(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def stated(value: Any) -> Any:
    """What a fingerprint reads of a value, as JSON's types; its own fingerprint is the value's."""
    return _encode(value, with_places=False)


def to_text(value: Any) -> str:
    """A value as indented JSON."""
    return json.dumps(encode(value), indent=2) + "\n"


def from_file(path: str | Path, types: Iterable[type] = ()) -> Any:
    """The value that a file of `to_text` holds.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, with its name.
    """
    try:
        return decode(json.loads(Path(path).read_text()), types)
    except ValueError as error:
        raise InvalidError(f"{path}: {error}") from None


def type_name(cls: type) -> str:
    """The name under which a class stands in a file and in hashes.

    Of a class of raykd's: its class variable `name`, or else its Python name in small letters with underscores between
    the words. It must stay what it is as long as there are files and artefacts.
    """
    if not cls.__module__.startswith(_PACKAGE):
        return f"{cls.__module__}.{cls.__qualname__}"
    fields = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set[str]()
    name = vars(cls).get("name") if "name" not in fields else None  # a field's default is no name of the class
    return name if isinstance(name, str) else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


def own_components() -> Iterator[type]:
    """The components that come with raykd: the frozen dataclasses that a recipe may name."""
    for module in _modules():
        yield from _components_in(module)


def _encode(value: Any, with_places: bool) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = [field.name for field in dataclasses.fields(value) if with_places or counts(field, value)]
        fields = {name: _encode(getattr(value, name), with_places) for name in told}
        if not with_places and isinstance(value, NamesFiles):
            fields |= _encode(value.contents(), with_places)
        return {_TYPE: type_name(type(value)), **fields}
    if isinstance(value, Mapping):
        return {str(key): _encode(entry, with_places) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(entry, with_places) for entry in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a recipe holds dataclasses, numbers, strings and tuples of them, got {value!r}")


def _decode(data: Any, known: Mapping[str, type]) -> Any:
    if isinstance(data, list):
        return tuple(_decode(entry, known) for entry in data)
    if not isinstance(data, dict):
        return data
    if _TYPE not in data:
        return {key: _decode(entry, known) for key, entry in data.items()}
    cls = _class(data[_TYPE], known)
    names = {field.name for field in dataclasses.fields(cls)}
    given = {key: _decode(entry, known) for key, entry in data.items() if key != _TYPE}
    if unknown := sorted(given.keys() - names):
        raise InvalidError(f"{data[_TYPE]} has no field {unknown[0]!r}; its fields: {', '.join(sorted(names))}")
    try:
        check_fields(cls, given)
        return cls(**given)
    except (TypeError, ValueError) as error:
        raise InvalidError(f"{data[_TYPE]}: {error}") from None


def _class(name: Any, known: Mapping[str, type]) -> Any:
    if isinstance(name, str) and (cls := known.get(name) or _own_class(name)) is not None:
        return cls
    raise InvalidError(f"unknown class {name!r}; it is neither raykd's own nor among the given types")


@functools.cache
def _own_class(name: str) -> type | None:
    """The component of raykd that a name in a file means; None where it means none.

    Modules that are loaded already are looked at first, then one that is called as the component is: to import all of
    them takes three seconds, of which torchvision and scikit-learn take most.
    """
    old = name.rpartition(".")[2] if name.startswith(_PACKAGE) else None  # such as `raykd.optimiser.SGD`, before 0.1
    for module in sorted(_modules(), key=lambda module: (module not in sys.modules, not module.endswith(f".{name}"))):
        for cls in _components_in(module):
            if name == type_name(cls) or old == cls.__name__:
                return cls
    return None


def _modules() -> list[str]:
    """The names of the modules that define components."""
    homes = [importlib.import_module(_PACKAGE + home) for home in _HOMES]
    inside = [pkgutil.walk_packages(home.__path__, f"{home.__name__}.") for home in homes if hasattr(home, "__path__")]
    return [home.__name__ for home in homes] + [found.name for modules in inside for found in modules]


def _components_in(module: str) -> list[type]:
    found = [value for value in vars(importlib.import_module(module)).values() if isinstance(value, type)]
    own = [cls for cls in found if cls.__module__ == module and not cls.__name__.startswith("_")]
    return [cls for cls in own if is_component(cls)]
