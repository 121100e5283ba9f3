"""Recipes as JSON that a person can read and that loads without running code, and hashes of what they say."""

import dataclasses
import hashlib
import importlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from raykd.fields import check_fields

_TYPE = "type"
_PLACE = "place"


def place(default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that says where or how a thing is got, not what it is; fingerprints leave it out.

    What lies there is told by its content, such as a data set's digest, wherever a hash has to follow it.
    """
    return dataclasses.field(default=default, metadata={_PLACE: True})


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


def fingerprint(value: Any) -> str:
    """A hash of all that a value says but places, and of the files it names; 32 digits, the same on every machine."""
    text = json.dumps(_encode(value, with_places=False), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


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
        raise ValueError(f"{path}: {error}") from None


def type_name(cls: type) -> str:
    """The name under which a class stands in a file."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _encode(value: Any, with_places: bool) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = [field.name for field in dataclasses.fields(value) if with_places or not field.metadata.get(_PLACE)]
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
        raise ValueError(f"{data[_TYPE]} has no field {unknown[0]!r}; its fields: {', '.join(sorted(names))}")
    try:
        check_fields(cls, given)
        return cls(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{data[_TYPE]}: {error}") from None


def _class(name: Any, known: Mapping[str, type]) -> Any:
    if not isinstance(name, str):
        raise ValueError(f"unknown class {name!r}; it is neither raykd's own nor among the given types")
    if name in known:
        return known[name]
    module_name, _, class_name = name.rpartition(".")
    found = None
    if module_name.startswith("raykd.") and all(part.isidentifier() for part in module_name.split(".")):
        try:
            found = getattr(importlib.import_module(module_name), class_name, None)
        except ImportError:
            found = None
    if not (isinstance(found, type) and dataclasses.is_dataclass(found) and type_name(found) == name):
        raise ValueError(f"unknown class {name!r}; it is neither raykd's own nor among the given types")
    return found
