"""A worker's place among the mailbox's commands."""

from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from raykd.cluster.workers.mailbox import NEXT


class Commands:
    """Each worker reads all commands and counts them itself.

    So nothing has to be told from rank to rank between two epochs, where a rank that has died would leave the others
    waiting in a collective.

    Args:
        mailbox: the actor.
        place: of the next command.
    """

    def __init__(self, mailbox: Any, place: int):
        self.mailbox, self.place = mailbox, place
        self._coming: Future[tuple[str, bytes]] | None = None

    def take(self) -> tuple[str, bytes]:
        """The next command, waiting for it."""
        command = self._next().result()
        self.place, self._coming = self.place + 1, None
        return command

    def asks(self, unless: "Future[None] | None" = None) -> bool:
        """Whether the next command, which is waited for and left where it is, asks for one more epoch.

        Args:
            unless: the error with which this ends meanwhile is raised.
        """
        if unless is not None:
            either: list[Future[Any]] = [self._next(), unless]
            wait(either, return_when=FIRST_COMPLETED)
            if unless.done():
                unless.result()
        return self._next().result()[0] == NEXT

    def is_over(self) -> bool:
        """Whether the next command is there, and asks for no epoch; takes a microsecond."""
        return self._next().done() and not self.asks()

    def _next(self) -> "Future[tuple[str, bytes]]":
        if self._coming is None:
            self._coming = self.mailbox.command.remote(self.place).future()
        assert self._coming is not None
        return self._coming
