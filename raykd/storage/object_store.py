"""An object store as pyarrow opens it by a URI, its errors told as those of files are."""

import errno
import functools
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from pyarrow import fs

from raykd.errors import InvalidError, MissingError, NotPermittedError, StorageError, UnreachableError

T = TypeVar("T")

# pyarrow tells what a store has answered in the text alone.
_AWAY = re.compile(
    r"NETWORK_CONNECTION|SERVICE_UNAVAILABLE|SLOW_DOWN|THROTTLING|INTERNAL_FAILURE|REQUEST_TIMEOUT|HTTP status 5\d\d"
    r"|[Tt]imeout|[Tt]imed out|[Uu]navailable|[Cc]ould not connect"
)
_NO_BUCKET = re.compile(r"NO_SUCH_BUCKET|[Bb]ucket does not exist")
_REFUSED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|INVALID_CLIENT_TOKEN|SIGNATURE|HTTP status 40[013]|PERMISSION_DENIED"
    r"|UNAUTHENTICATED|[Cc]redentials"
)
_SECRET = re.compile(r"(?i)(key|secret|token|password|signature)[^=&]*=")


@functools.cache
def opened(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URI, and the path in it: the bucket and the prefix.

    Raises:
        ValueError: it is no such URI, or holds credentials; in a line that does not repeat those.
    """
    parts = urlsplit(uri)
    if "@" in uri or _SECRET.search(parts.query):
        raise InvalidError(f"the storage {parts.scheme}://*** must hold no credentials; they come from the environment")
    if parts.fragment or (parts.scheme != "file" and not parts.netloc):
        raise InvalidError(f"the storage {uri} names no bucket; such as s3://bucket/prefix")
    try:
        return fs.FileSystem.from_uri(uri)
    except (ValueError, OSError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidError(
            f"the storage {uri}: {reason}; such as a folder, s3://bucket/prefix or gs://bucket"
        ) from None


def missing_told(action: Callable[[fs.FileSystem], T], uri: str) -> T:
    """What an action on the store gives.

    Raises:
        LookupError: there is no such object, or local file.
        OSError: with the number that a file's error has, which `raykd.storage.retry` knows.
    """
    try:
        return action(opened(uri)[0])
    except FileNotFoundError as error:
        raise LookupError(str(error)) from None
    except OSError as error:
        text = str(error)
        if _NO_BUCKET.search(text):
            raise StorageError(errno.ENODEV, "there is no such bucket", uri) from None
        if _REFUSED.search(text):
            raise NotPermittedError(errno.EACCES, "these credentials are refused, or there are none", uri) from None
        if _AWAY.search(text):
            raise StorageError(errno.EHOSTUNREACH, "no answer", uri) from None
        raise


def explained(error: OSError, what: str) -> OSError:
    """An error as one line for whoever gave the URI."""
    kinds: dict[int | None, type[OSError]] = {errno.ENODEV: MissingError, errno.EACCES: NotPermittedError}
    reason = error.strerror or str(error).splitlines()[0]
    return kinds.get(error.errno, UnreachableError)(f"{what}: {reason}")
