"""Hands each event of a search to everybody who listens."""

import logging
from collections.abc import Iterable

from raykd.protocols.event import Event, Listener

_LOG = logging.getLogger(__name__)


class EventStream:
    """A listener that tells others, in order.

    Args:
        own: raykd's own. An error of one is a fault of the program, which ends the search as any other does.
        guests: a user's own, told after raykd's. One that raises is told nothing more, and its traceback is logged: a
            search of many hours on many machines does not end for an error in what only looks at it. It is dropped at
            its first error, as it would likely fail at every epoch from then on, and has missed an event by then.
    """

    def __init__(self, *own: Listener, guests: Iterable[Listener] = ()):
        self._own = own
        self._guests = list(guests)

    def __call__(self, event: Event, /) -> None:
        for listener in self._own:
            listener(event)
        for listener in list(self._guests):
            try:
                listener(event)
            except Exception:
                self._guests.remove(listener)
                _LOG.exception("a listener failed at %s and is told nothing more; the search goes on", event)
