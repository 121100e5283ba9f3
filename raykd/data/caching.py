"""What is found out or made of pictures once and kept in a cache, where one can be written."""

import errno
import functools
import logging
from collections.abc import Callable
from pathlib import Path

from raykd.storage.artifacts import Store

_LOG = logging.getLogger(__name__)
_CANNOT_KEEP = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}


def kept(cache: Path, kind: str, key: str, make: Callable[[Path], None]) -> Path | None:
    """As `Store.get`; None where the cache cannot be written, as of a home folder on some clusters, which is warned of.

    Raises:
        OSError: the machine cannot read or write at the moment.
    """
    try:
        return Store(cache).get(kind, key, make)
    except OSError as error:
        if error.errno not in _CANNOT_KEEP:
            raise
        _tell(cache, error.strerror)
        return None


@functools.cache  # once in a process
def _tell(cache: Path, why: str) -> None:
    _LOG.warning("%s: %s; pictures are looked into and decoded anew in every process", cache, why)
