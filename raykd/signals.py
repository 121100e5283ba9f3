"""What ends a command from outside: Ctrl-C, and SIGTERM, by which Slurm, spot machines and `kill` ask for the same."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType


class SearchInterrupted(KeyboardInterrupt):
    """Ctrl-C, or `raykd stop`, before a search's first trial or after its last one.

    Args:
        folder: of the search, where everything is kept.
    """

    def __init__(self, folder: Path):
        super().__init__(str(folder))
        self.folder = folder


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """While it lasts, SIGTERM does what Ctrl-C does at that moment.

    Python alone dies of it, and `ray.init` sets a handler that leaves at once: so it is set again after that call.
    In a thread beside the main one nothing changes, as only the main one may handle signals.
    """
    with _kept(signal.SIGTERM) as may_set:
        if may_set:
            signal.signal(signal.SIGTERM, _as_ctrl_c)
        yield


@contextlib.contextmanager
def ctrl_c_kept() -> Iterator[None]:
    """Puts back what Ctrl-C did before: Ray Tune leaves its own handler behind, which swallows the next one."""
    with _kept(signal.SIGINT):
        yield


@contextlib.contextmanager
def _kept(number: signal.Signals) -> Iterator[bool]:
    """Puts back what a signal did before; gives whether this is the main thread, as others may set nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield False
        return
    before = signal.getsignal(number)
    try:
        yield True
    finally:
        signal.signal(number, signal.SIG_DFL if before is None else before)


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGINT)  # Ray Tune has its own while it runs trials
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:  # a shell starts what runs in its background with Ctrl-C ignored
        raise KeyboardInterrupt
