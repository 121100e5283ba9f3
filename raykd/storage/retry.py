"""Waits for a storage that is full or away, so that what was trained for it is not lost."""

import errno
import logging
import time
from collections.abc import Callable, Collection
from typing import TypeVar

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

FULL = {errno.ENOSPC, errno.EDQUOT}
_PASSING = FULL | {
    getattr(errno, name)
    for name in (
        *("EIO", "EROFS"),
        *("ENOENT", "ENOTDIR", "ENODEV", "ENXIO", "ESTALE"),  # a file system that is not mounted, or was replaced
        *("ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENOTCONN", "ECONNRESET"),  # of file systems over a network
    )
}
_LONGEST_PAUSE_S = 10.0


def retry_while_unavailable(
    action: Callable[[], T], timeout_s: float = 3600.0, passing: Collection[int] = _PASSING
) -> T:
    """What an action on files gives, tried again and again while the storage is full or away.

    Says so once, as a warning of its logger.

    Args:
        action: must be harmless to repeat after it failed.
        timeout_s: seconds; then the last error is raised.
        passing: numbers of the errors to wait for; others are raised at once.
    """
    begun, pause = time.monotonic(), 0.25
    while True:
        try:
            return action()
        except OSError as error:
            if error.errno not in passing or time.monotonic() - begun > timeout_s:
                raise
            if pause == 0.25:
                _LOG.warning("waiting for the storage: %s: %s", error.strerror, error.filename)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
