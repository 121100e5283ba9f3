"""Trains a job one epoch ahead of what it is asked for.

What an epoch gave is written and told by a thread (`raykd.runs.behind`) while the next one is trained, though nobody
has asked for that one yet. It is written only when somebody does. Where the trial is stopped instead it is dropped: in
the middle, at the same step on all ranks.
"""

import contextlib
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from ray.exceptions import RayActorError

from raykd.cluster.workers.answer import Answer
from raykd.cluster.workers.commands import Commands
from raykd.cluster.workers.job import Job
from raykd.cluster.workers.looks import Looks
from raykd.cluster.workers.network import is_loss_of_a_worker
from raykd.distributed.world import World
from raykd.errors import OwnershipLostError, one_line
from raykd.protocols.epoch import Epoch
from raykd.runs.behind import Behind
from raykd.runs.ownership import Ownership
from raykd.runs.trial import ERROR, saved_epoch, take_up, written
from raykd.storage.artifacts import open_store
from raykd.storage.atomic import write_text
from raykd.training.loop import distill


def train(job: Job, world: World, commands: Commands, tell: Callable[[Answer], None]) -> None:
    """Trains a job until it is done, or something else than its next epoch is asked for.

    An epoch that was finished before a death is told again, not trained again.

    Args:
        tell: hears of each epoch, in order, when it was asked for and all of it is written; called on rank 0 alone.

    Raises:
        RuntimeError: the job failed, and other ranks may wait in a collective: only a restart frees them.
    """
    if commands.asks():  # what is not asked for is not taken up: it may go on elsewhere
        _Turn(job, world, commands, tell).run()


class _StoppedError(Exception):
    """The epoch that is being trained will not be asked for."""


class _Turn:
    """A job's turn on one rank."""

    def __init__(self, job: Job, world: World, commands: Commands, tell: Callable[[Answer], None]):
        self._job, self._world, self._commands, self._tell = job, world, commands, tell
        self._folder, self._looks = Path(job.folder), Looks(commands.mailbox)
        self._behind: Behind | None = None  # on rank 0, as soon as there is something to be trained

    def run(self) -> None:
        try:
            self._train()
        except _StoppedError:
            self._close()  # an error here is not told: the slot waits for the next job's answer by now
        except (OwnershipLostError, RayActorError):
            raise  # nothing is written in a folder that is another's, nor told of a trial that goes on there
        except Exception as error:
            if is_loss_of_a_worker(error):
                raise  # Ray Train starts the group anew, and the trial goes on
            self._fail(error)
            if self._world.size > 1:
                raise RuntimeError(f"{type(error).__name__}: {one_line(error)}") from error

    def _train(self) -> None:
        job, world, commands = self._job, self._world, self._commands
        board = Path(job.board)
        ownership = Ownership(self._folder, job.storage) if world.rank == 0 else None
        uploader = take_up(job.storage, self._folder, board)
        # A sum, that all wait for: nobody reads before the ownership is taken, or writes before all have read.
        world.sum(torch.zeros((), device=world.device))
        saved = saved_epoch(self._folder)
        number = saved["number"] if saved else 0
        if saved is not None:
            # Its answer may have died with the group, or the slot with it. So whoever asks for the next epoch gets this
            # one first, and knows by its number whether it was told before.
            self._told(Answer(number=number, metrics=saved["metrics"], done=number == job.recipe.epochs))
            commands.take()
            if not commands.asks():
                return
        if world.rank == 0:

            def listen(epochs: Iterator[Epoch]) -> Iterator[Epoch]:
                return written(
                    epochs,
                    job.recipe,
                    self._folder,
                    board,
                    job.values,
                    number,
                    world.size,
                    uploader,
                    ownership,
                    job.columns,
                    job.command,
                )

            self._behind = Behind(listen, lambda epoch: self._tell(_answer(epoch)))
        state, store = saved["state"] if saved else None, open_store(job.storage, room=job.room)
        self._looks.begin(commands.place)
        for epoch in distill(job.recipe, state, store=store, world=world, look=self._look):
            if not commands.asks(unless=self._behind and self._behind.ended):
                raise _StoppedError
            if self._behind is not None:
                self._behind.give(epoch)
            commands.take()
            self._looks.begin(commands.place)
        self._close()

    def _look(self) -> None:
        """Called before each step: leaves the epoch where it stands."""
        if self._behind is not None and self._behind.ended.done():
            self._behind.ended.result()  # raises what has ended it
        if self._commands.is_over() if self._world.size == 1 else self._looks.is_over():
            raise _StoppedError

    def _fail(self, error: Exception) -> None:
        """Tells an error, if the epoch that it came in was asked for; else the trial ends as if nothing had been."""
        # Of an epoch that is being written, somebody waits for the answer already.
        in_writing = self._behind is not None and self._behind.ended.done()
        if not in_writing and not self._commands.asks(unless=self._behind and self._behind.ended):
            self._close()
            return
        self._close(error)
        if self._world.rank == 0:
            with contextlib.suppress(OSError):  # a full disk may be the very error that is told here
                write_text(self._folder / ERROR, "".join(traceback.format_exception(error)))
                self._job.storage.without_waiting().push(self._folder / ERROR)
            self._tell(Answer(error=f"{type(error).__name__}: {one_line(error)}", done=True))
        if not in_writing:
            self._commands.take()

    def _close(self, error: Exception | None = None) -> None:
        if self._behind is not None:
            self._behind.close(error)

    def _told(self, answer: Answer) -> None:
        if self._world.rank == 0:
            self._tell(answer)


def _answer(epoch: Epoch) -> Answer:
    done = epoch.diverged or epoch.number == epoch.epochs
    return Answer(number=epoch.number, metrics=epoch.metrics, done=done, diverged=epoch.diverged)
