"""Named stretches of a run, for whoever measures where its time goes; by default nobody does.

    with span("teacher"):
        outputs = ask(images)

Before the first epoch the loop opens `start`; within an epoch `route` (where a leg may begin), `views` (the making of
a batch), `teacher` (finding what is kept of it, or asking it), `student forward`, `term NAME` for each term, `loss`
(their weighted sum, and adding it up), `backward` (through student and terms together), `optimiser`, `metrics` (read
from the device) and `validation`. None of them stands within another.
"""

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")
_END = object()
_NOTHING = contextlib.nullcontext()


@runtime_checkable
class Span(Protocol):
    """Opens a span, which lasts as long as the context."""

    def __call__(self, name: str, /) -> AbstractContextManager[object]: ...


def no_span(name: str, /) -> AbstractContextManager[object]:
    """Measures nothing."""
    return _NOTHING


def within(items: Iterable[T], span: Span, name: str) -> Iterator[T]:
    """The items, the making of each in a span; finding that there are no more is a span too."""
    iterator = iter(items)
    while True:
        with span(name):
            item = next(iterator, _END)
        if item is _END:
            return
        yield item  # pyright: ignore[reportReturnType]
