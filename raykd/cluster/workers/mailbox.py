"""The mailbox between a slot of the search and its group of training workers.

The slot posts commands (a job, one more epoch, the end), every worker reads all of them in the same order by
counting, and rank 0 posts one answer for each epoch. So the workers need no word among themselves to agree. They
train one epoch ahead of what they are asked for, and drop it where another command comes. When a group is restarted
after a death, the mailbox posts the unfinished job again, and it goes on from its checkpoint.

Jobs and answers pass through as bytes, so that the mailbox's process loads neither PyTorch nor a study.
"""

import asyncio

JOB, NEXT, END = "job", "next", "end"
GIVEN_UP = b""
_MOST_RESTARTS = 3


class Mailbox:
    """An asynchronous Ray actor; see the file's docstring. A command is its kind and, for a job, the job's bytes."""

    def __init__(self) -> None:
        self._commands: list[tuple[str, bytes]] = []
        self._first = 0  # the place of the first command that is still kept
        self._job_place = 0
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._posted = asyncio.Condition()
        self._job: bytes | None = None
        self._owed = 0
        self._restarts = 0
        self._workers = 0  # of the group that started last
        self._who = ""  # its rank 0
        self._looks: dict[tuple[int, int], tuple[str, int]] = {}

    async def post(self, kind: str, job: bytes = b"") -> None:
        """Posts a `JOB`, `NEXT` for one more epoch of it, or `END`."""
        async with self._posted:
            if kind == JOB:
                self._job, self._owed, self._restarts = job, 0, 0
                self._forget()
            self._owed += kind == NEXT
            self._commands.append((kind, job))
            self._posted.notify_all()

    async def command(self, place: int) -> tuple[str, bytes]:
        """The command at a place, counted from 0, as soon as it is posted."""
        async with self._posted:
            await self._posted.wait_for(lambda: self._end > place)
            return self._commands[place - self._first]

    async def look(self, place: int, number: int, every: int) -> tuple[str, int]:
        """What a look for the command at a place finds, the same for all workers: the first one that asks decides.

        Args:
            number: of the look, counted from 0 at each place.
            every: after how many steps to look again.

        Returns:
            The command's kind, empty where there is none yet, and the steps.
        """
        self._looks = {seen: found for seen, found in self._looks.items() if seen[0] >= place - 1}
        is_there = self._first <= place < self._end
        return self._looks.setdefault(
            (place, number), (self._commands[place - self._first][0] if is_there else "", every)
        )

    async def begin(self, workers: int = 1, who: str = "") -> int:
        """The place that a group which has just started reads from; called by rank 0 alone.

        The job is posted again, with the epoch that it owes; one that killed its group too often is given up. A group
        that has more or fewer workers than before was started anew because machines have joined or gone.

        Args:
            workers: of the group.
            who: tells its rank 0 from all others, whose answers count no more.
        """
        async with self._posted:
            self._who = who  # from here on answers of the group before, if it still lives, are refused
            resized, self._workers = self._workers not in (0, workers), workers
            place = self._end
            if self._commands and self._commands[-1][0] == END:
                return place - 1  # the slot had ended the workers that died: the new ones read the end
            if self._job is None:
                return place
            # Machines that come and go are not the job's fault, and there is no bound on how often they do.
            self._restarts += not resized
            # Without an epoch that is owed nobody waits for an answer, and it would be taken for the next job's.
            if self._owed and self._restarts > _MOST_RESTARTS:
                self._job, self._owed = None, 0
                self._answers.put_nowait(GIVEN_UP)
                return place
            # Posted anew, not read again from where it stood: epochs that were answered need not be asked for again.
            self._commands += [(JOB, self._job), *[(NEXT, b"")] * self._owed]
            self._posted.notify_all()
            return place

    @property
    def _end(self) -> int:
        """The place of the next command."""
        return self._first + len(self._commands)

    def _forget(self) -> None:
        """Drops what came before the job that now ends: a worker is at most one epoch behind rank 0."""
        end = self._end
        del self._commands[: self._job_place - self._first]
        self._first, self._job_place = self._job_place, end

    async def answer(self, answer: bytes, who: str = "") -> bool:
        """Rank 0 posts what an epoch gave; False where another has begun since, as this one seemed lost."""
        if who != self._who:
            return False
        self._owed = max(0, self._owed - 1)
        self._restarts = 0  # an epoch that ends shows that the job does not kill its group each time
        self._answers.put_nowait(answer)
        return True

    async def next_answer(self) -> bytes:
        """The slot takes the next answer, waiting for it; `GIVEN_UP` where the job killed its group too often."""
        return await self._answers.get()
