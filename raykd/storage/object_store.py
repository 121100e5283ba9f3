"""An object store as pyarrow opens it by a URI, its errors told as those of files are.

pyarrow is imported when a URI is opened: with NumPy it takes longer to load than `raykd status` of a folder takes.
"""

import errno
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from raykd.errors import InvalidError, MissingError, NotPermittedError, StorageError, UnreachableError
from raykd.storage.address import check_address, shown

if TYPE_CHECKING:
    from pyarrow import fs

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


@functools.cache
def opened(uri: str) -> "tuple[fs.FileSystem, str]":
    """The file system of a URI, and the path in it: the bucket and the prefix.

    Raises:
        ValueError: it is no such URI, or holds credentials; in a line that does not repeat those.
    """
    from pyarrow import fs

    check_address(uri)
    try:
        return fs.FileSystem.from_uri(uri)
    except (ValueError, OSError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].replace(uri, shown(uri))
        raise InvalidError(
            f"the storage {shown(uri)}: {reason}; such as a folder, s3://bucket/prefix or gs://bucket"
        ) from None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An object, or a folder of them.

    Args:
        size: bytes.
        time_ns: when it was written, nanoseconds since 1970; a store's times may be whole seconds.
    """

    is_folder: bool
    size: int
    time_ns: int


def entries(files: "fs.FileSystem", key: str, *, recursive: bool) -> dict[str, Entry]:
    """What lies right in a folder, or anywhere below it, by name relative to it; nothing where there is none."""
    from pyarrow import fs

    selector = fs.FileSelector(key, allow_not_found=True, recursive=recursive)
    infos: Any = files.get_file_info(selector)
    return {
        info.path[len(key) + 1 :].rstrip("/"): Entry(
            is_folder=info.type == fs.FileType.Directory, size=info.size or 0, time_ns=info.mtime_ns or 0
        )
        for info in infos
    }


def is_object(files: "fs.FileSystem", key: str) -> bool:
    """Whether there is such an object, which is no folder."""
    from pyarrow import fs

    info: Any = files.get_file_info(key)
    return info.type == fs.FileType.File


def missing_told(action: "Callable[[fs.FileSystem], T]", uri: str) -> T:
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
            raise StorageError(errno.ENODEV, "there is no such bucket", shown(uri)) from None
        if _REFUSED.search(text):
            raise NotPermittedError(
                errno.EACCES, "these credentials are refused, or there are none", shown(uri)
            ) from None
        if _AWAY.search(text):
            raise StorageError(errno.EHOSTUNREACH, "no answer", shown(uri)) from None
        raise


def explained(error: OSError, what: str) -> OSError:
    """An error as one line for whoever gave the URI."""
    kinds: dict[int | None, type[OSError]] = {errno.ENODEV: MissingError, errno.EACCES: NotPermittedError}
    reason = error.strerror or str(error).splitlines()[0]
    return kinds.get(error.errno, UnreachableError)(f"{what}: {reason}")
