"""Writes epochs in a thread, one after the other, while the next one is trained.

An epoch's lines, its checkpoint, the wait for the disk and what a search makes of it would otherwise hold up the next
epoch. What is told of an epoch is told by the thread, after all of it has been written.
"""

import dataclasses
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from torch import Tensor

from raykd.protocols.epoch import Epoch
from raykd.training.state import student_in


class Behind:
    """The thread; it ends when it is closed, or with the first error.

    Args:
        listen: the listeners of a run, each of which has written an epoch when it hands it on.
        tell: hears of each epoch when the last of them has handed it on, in the thread.
    """

    def __init__(self, listen: Callable[[Iterator[Epoch]], Iterator[Epoch]], tell: Callable[[Epoch], None]):
        self._given = queue.SimpleQueue[tuple[Epoch, dict[str, Any]] | BaseException | None]()
        self.ended = Future[None]()  # with the error that ended it
        threading.Thread(target=self._run, args=(listen, tell), name="raykd behind", daemon=True).start()

    def give(self, epoch: Epoch) -> None:
        """Has an epoch written; to be called before the next one begins, and not before the last one was told."""
        assert self._given.empty(), "an epoch was given before the last one was told"
        # The next epoch's first step changes what this would give: it is taken now, into the machine's memory, so that
        # the thread has nothing to do with a GPU.
        held = {"state": _on_cpu(epoch.state())}
        kept = dataclasses.replace(epoch, state=lambda: held["state"], student=lambda: student_in(held["state"]))
        self._given.put((kept, held))

    def close(self, error: BaseException | None = None) -> None:
        """Waits until all is written, and ends the thread.

        Args:
            error: what the run has ended with, which its listeners are to see.

        Raises:
            Exception: another one, that ended the thread.
        """
        self._given.put(error)
        ended_with = self.ended.exception()
        if ended_with is not None and ended_with is not error:
            raise ended_with

    def _run(self, listen: Callable[[Iterator[Epoch]], Iterator[Epoch]], tell: Callable[[Epoch], None]) -> None:
        try:
            for epoch in listen(self._epochs()):
                tell(epoch)
        except BaseException as error:
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)

    def _epochs(self) -> Iterator[Epoch]:
        while (given := self._given.get()) is not None:
            if isinstance(given, BaseException):
                raise given
            epoch, held = given
            yield epoch
            held.clear()  # the listeners keep the epoch until the next one comes, which has a state of its own


def _on_cpu(value: Any) -> Any:
    """The same with all tensors on the CPU; those that are there already are not copied."""
    if isinstance(value, Tensor):
        return value.cpu()
    if isinstance(value, dict):
        return {name: _on_cpu(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_on_cpu, value))
    return value
