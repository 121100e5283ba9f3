"""Several workers give up an epoch that they train ahead at the same step, or none of them does.

A rank that gave up by itself would leave the others waiting in a collective. Whether the command to stop has come is
seen by each of them at another moment, and how far the others are by none: on GPUs a rank is many steps ahead of what
its device has done. So the mailbox decides, once for all ranks, what each of their looks finds, and how many steps
later the next one is due: about a second's worth, as the first that asks has measured it. What is asked for at one look
is read at the next one, so that no step waits for an answer.
"""

import time
from typing import Any

import ray

from raykd.cluster.workers.mailbox import NEXT

_EVERY_S = 1.0


class Looks:
    """The looks of one rank at one job; all ranks make the same ones at the same steps.

    Args:
        mailbox: the actor.
    """

    def __init__(self, mailbox: Any):
        self._mailbox, self._every = mailbox, 1
        self.begin(0)

    def begin(self, place: int) -> None:
        """An epoch begins, which the command at a place asks for, or not."""
        self._place, self._begun, self._steps, self._due, self._number = place, time.monotonic(), 0, self._every, 0
        self._asked: Any = None
        self._is_decided = False

    def is_over(self) -> bool:
        """Whether the epoch is to be given up; to be called at each of its steps."""
        self._steps += 1
        if self._is_decided or self._steps < self._due:
            return False
        if self._asked is not None:
            found: tuple[str, int] = ray.get(self._asked)
            kind, self._every = found
            if kind:
                self._is_decided = True
                return kind != NEXT
        every = max(1, int((self._steps - 1) / (time.monotonic() - self._begun) * _EVERY_S))
        self._asked = self._mailbox.look.remote(self._place, self._number, every)
        self._number, self._due = self._number + 1, self._steps + self._every
        return False
