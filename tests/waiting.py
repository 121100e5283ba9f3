"""Waits in tests for what another process does."""

import time
from collections.abc import Callable


def wait_until(
    is_so: Callable[[], object],
    seconds: float = 30.0,
    otherwise: Callable[[], str] = lambda: "waited in vain",
    unless: Callable[[], bool] = lambda: False,
) -> None:
    """Returns as soon as something is so.

    Args:
        seconds: to wait for it at most.
        otherwise: what to say where it was in vain.
        unless: whether it cannot come about any more.

    Raises:
        AssertionError: it was in vain.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        assert not unless() and time.monotonic() < deadline, otherwise()
        time.sleep(0.05)  # files and titles of other processes tell nobody that they have changed


class Clock:
    """Stands in for the module `time` where a test decides how late it is; in seconds."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now
