"""A study as the Python file that would set it: what is not as by default, for whoever wants to edit it."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from raykd.errors import InvalidError
from raykd.studies.study import Study

_WIDTH = 120
_INDENT = "    "


def to_source(study: Study, docstring: str) -> str:
    """The text of a file whose variable `study` is equal to a study.

    Args:
        docstring: of the file; a line, or more.

    Raises:
        ValueError: a value of the study that Python has no name for from a file, such as a class of a function's.
    """
    used = sorted({(cls.__module__, cls.__qualname__) for cls in _classes(study)})
    for module, name in used:
        if "." in name or module == "__main__":
            raise InvalidError(f"{module}.{name} can't be imported by a study's file; give it a module of its own")
    modules: dict[str, list[str]] = {}
    for module, name in used:
        modules.setdefault(module, []).append(name)
    ours = [line for line in _imports(modules) if line.startswith("from raykd")]
    others = [line for line in _imports(modules) if line not in ours]
    groups = ["\n".join(lines) for lines in (others, ours) if lines]
    body = f"recipe = {_written(study.recipe, 0, len('recipe = '))}\n\nstudy = {_study(study)}\n"
    return f'"""{docstring}"""\n\n' + "\n\n".join(groups) + "\n\n" + body


def _imports(modules: Mapping[str, Iterable[str]]) -> list[str]:
    return [f"from {module} import {', '.join(names)}" for module, names in modules.items()]


def _study(study: Study) -> str:
    """The study's own call, which names the recipe that stands above it."""
    rest = [(name, value) for name, value in _arguments(study) if name != "recipe"]
    return _call("Study", [("recipe", _Name("recipe")), *rest], 0, len("study = "))


class _Name(str):
    """A variable, which is written as it is called."""


def _written(value: Any, depth: int, before: int) -> str:
    """A value as Python writes it, within a line where that fits.

    Args:
        depth: of its line's indentation.
        before: characters of the line that precede it, indentation included.
    """
    if isinstance(value, _Name):
        return str(value)
    if isinstance(value, BaseDistribution):
        return _call(type(value).__name__, _range(value), depth, before)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _call(type(value).__name__, _arguments(value), depth, before)
    if isinstance(value, Mapping):
        items = [(f"{_text(key)}: ", entry) for key, entry in value.items()]
        return _bracketed("{", items, "}", depth, before)
    if isinstance(value, tuple):
        items = [("", entry) for entry in value]
        return _bracketed("(", items, ",)" if len(items) == 1 else ")", depth, before)
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        quoted = repr(value)
        return quoted if '"' in value else '"' + quoted[1:-1].replace("\\'", "'") + '"'
    return repr(value)


def _call(name: str, arguments: Iterable[tuple[str, Any]], depth: int, before: int) -> str:
    items = [(f"{key}=" if key else "", value) for key, value in arguments]
    return _bracketed(f"{name}(", items, ")", depth, before)


def _bracketed(begin: str, items: list[tuple[str, Any]], end: str, depth: int, before: int) -> str:
    line = begin + ", ".join(key + _written(value, 0, -(10**6)) for key, value in items) + end
    if before + len(line) + 1 <= _WIDTH or not items:  # a comma may follow
        return line
    inner = _INDENT * (depth + 1)
    lines = [inner + key + _written(value, depth + 1, len(inner) + len(key)) + "," for key, value in items]
    return "\n".join([begin, *lines, _INDENT * depth + end.lstrip(",")])


def _arguments(value: Any) -> list[tuple[str, Any]]:
    """The fields of a dataclass that are not as by default."""
    there = [(field, getattr(value, field.name)) for field in dataclasses.fields(value) if field.init]
    return [(field.name, own) for field, own in there if not _is_default(field, own)]


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.default is not dataclasses.MISSING:
        return bool(type(value) is type(field.default) and value == field.default)
    return field.default_factory is not dataclasses.MISSING and bool(value == field.default_factory())


def _range(distribution: BaseDistribution) -> list[tuple[str, Any]]:
    if isinstance(distribution, CategoricalDistribution):
        return [("", distribution.choices)]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    usual = None if isinstance(distribution, FloatDistribution) else 1
    found = [("", distribution.low), ("", distribution.high)]
    found += [("log", True)] if distribution.log else []
    return found + ([("step", distribution.step)] if distribution.step != usual else [])


def _classes(value: Any) -> Iterable[type]:
    """The classes that writing a value names."""
    if isinstance(value, BaseDistribution):
        yield type(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for _, own in _arguments(value):
            yield from _classes(own)
    elif isinstance(value, Mapping):
        for own in value.values():
            yield from _classes(own)
    elif isinstance(value, tuple):
        for own in value:
            yield from _classes(own)
