"""A recipe from a file writes nowhere but where raykd keeps its own files, whatever the file says.

A recipe may come from anybody. It runs no code, but a component of it may name a folder that it would write to, such as
that of decoded pictures: in what is read from a file, raykd's own takes its place, unless raykd has written there for
this user before. A user who wants another one says so where a stranger does not: on the command line, or in a study.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class WritesFiles(Protocol):
    """A dataclass with a field that names where it writes."""

    def at_home(self) -> Any:
        """The same, writing nowhere but to raykd's own folders; itself where it does already."""
        ...


def at_home(value: Any) -> Any:
    """A value from a file, of which no component writes anywhere but to raykd's own folders."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        made = value.at_home() if isinstance(value, WritesFiles) else value
        fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made) if field.init}
        inner = {name: at_home(entry) for name, entry in fields.items()}
        changed = {name: entry for name, entry in inner.items() if entry is not fields[name]}
        return dataclasses.replace(made, **changed) if changed else made
    if isinstance(value, Mapping):
        inner = {key: at_home(entry) for key, entry in value.items()}
        return inner if any(inner[key] is not entry for key, entry in value.items()) else value
    if isinstance(value, tuple):
        entries = tuple(map(at_home, value))
        return entries if any(new is not old for new, old in zip(entries, value, strict=True)) else value
    return value
