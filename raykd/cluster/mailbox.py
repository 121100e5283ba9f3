"""The mailbox between a slot of the search and its group of training workers.

The slot posts commands (a job, one more epoch, the end), every worker reads all of them in the same order by
counting, and rank 0 posts one answer for each epoch. So the workers need no word among themselves to agree,
and nobody trains an epoch that nobody asked for. When a group is restarted after a death, the mailbox posts the
unfinished job again, and it goes on from its checkpoint.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ray

from raykd.recipe import Recipe

NEXT = "next"
END = "end"
_MOST_RESTARTS = 3


@dataclass(frozen=True, kw_only=True)
class Job:
    """One trial for a group: what to train, and where its files go.

    Args:
        recipe: the run.
        folder: the trial's own folder, made by the worker; a checkpoint found there is gone on from.
        board: the folder of its TensorBoard run.
        store: the root of the artefact store.
        values: the setting, for the record.
    """

    recipe: Recipe
    folder: str
    board: str
    store: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an epoch gave, or in `error` the one line that says why there is none."""

    number: int = 0
    metrics: Mapping[str, float] | None = None
    seconds: float = 0.0
    done: bool = False
    diverged: bool = False
    error: str | None = None


@ray.remote(num_cpus=0)
class Mailbox:
    """See the file's docstring."""

    def __init__(self) -> None:
        self._commands: list[Job | str] = []
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()
        self._posted = asyncio.Condition()
        self._job: Job | None = None
        self._owed = 0
        self._restarts = 0

    async def post(self, command: Job | str) -> None:
        """Posts a job, `NEXT` for one more epoch of it, or `END`."""
        async with self._posted:
            if isinstance(command, Job):
                self._job, self._owed, self._restarts = command, 0, 0
            self._owed += command == NEXT
            self._commands.append(command)
            self._posted.notify_all()

    async def command(self, place: int) -> Job | str:
        """The command at a place, counted from 0, as soon as it is posted."""
        async with self._posted:
            await self._posted.wait_for(lambda: len(self._commands) > place)
            return self._commands[place]

    async def begin(self) -> int:
        """The place that a group which has just started reads from; called by rank 0 alone.

        A job that is owed an epoch is posted again, with that epoch; one that killed its group too often is given up.
        """
        async with self._posted:
            if not self._commands:
                return 0
            place = len(self._commands)
            if self._job is not None and self._commands[-1] != END:
                self._restarts += 1
                if self._owed and self._restarts > _MOST_RESTARTS:
                    error = f"the workers died {self._restarts} times in a row"
                    self._answers.put_nowait(Answer(error=error, done=True))
                    self._job, self._owed = None, 0
                    return place
                self._commands += [self._job, *[NEXT] * self._owed]
                self._posted.notify_all()
            elif self._commands[-1] == END:
                place -= 1
            return place

    async def answer(self, answer: Answer) -> None:
        """Rank 0 posts what an epoch gave."""
        self._owed = max(0, self._owed - 1)
        self._restarts = 0
        self._answers.put_nowait(answer)

    async def next_answer(self) -> Answer:
        """The slot takes the next answer, waiting for it."""
        return await self._answers.get()
