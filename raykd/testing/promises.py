"""What every component promises: it is a value that can be compared, hashed, searched and kept in a file."""

import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from raykd.errors import one_line
from raykd.space.ranges import describe, holds, override, space, value_at
from raykd.space.serialise import decode, encode, fingerprint, types_in
from raykd.space.validation import is_component, missing_members


def promise(kept: bool, component: object, broken: str) -> None:
    """Raises AssertionError, with the component's name and what is wrong, unless a promise is kept."""
    if not kept:
        raise AssertionError(f"{type(component).__name__}: {broken}")


@contextlib.contextmanager
def promised(component: object, what: str) -> Iterator[None]:
    """Within, no error may be raised; `what` was done to whom it came from."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {one_line(error)}"
        raise AssertionError(f"{type(component).__name__}: {what} raises {told}") from error


def check_value(component: Any, protocol: type) -> None:
    """Checks what a component of any kind promises.

    Args:
        protocol: the kind, such as `raykd.methods.Swap`.

    Raises:
        AssertionError: a promise is broken.
    """
    promise(not isinstance(component, type), component, f"is a class, {component}; check a value of it")
    lacking = missing_members(component, protocol)
    promise(not lacking, component, f"has no {', no '.join(lacking)}, which a {protocol.__name__} has")
    promise(is_component(type(component)), component, "must be a frozen dataclass")
    twin = copy.deepcopy(component)
    promise(twin == component, component, "is not equal to its own copy; are all fields compared?")
    with promised(component, "hashing it"):
        promise(hash(twin) == hash(component), component, "its hash is not that of its copy")
    with promised(component, "reading its space"):
        ranges = space(component)
    for path, distribution in ranges.items():
        _check_range(component, path, distribution)
    _check_json(component)


def _check_range(component: Any, path: str, distribution: BaseDistribution) -> None:
    value = value_at(component, path)
    promise(
        holds(distribution, value), component, f"{path}: {value!r} is not within its range {describe(distribution)}"
    )
    for end in _ends(distribution):
        with promised(component, f"overriding {path} by {end!r}, an end of its range,"):
            kept = value_at(override(component, {path: end}), path)
        promise(kept == end, component, f"{path}: overridden by {end!r} it is {kept!r}")


def _ends(distribution: BaseDistribution) -> tuple[Any, ...]:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return distribution.low, distribution.high


def _check_json(component: Any) -> None:
    with promised(component, "writing it as JSON"):
        text = json.dumps(encode(component))
    with promised(component, "reading it from its JSON"):
        back = decode(json.loads(text), types_in(component))
    promise(back == component, component, f"comes back from JSON as another value, {back!r}")
    with promised(component, "taking its fingerprint"):
        same = fingerprint(back) == fingerprint(component)
    promise(same, component, "its fingerprint changes on the way to JSON and back")
