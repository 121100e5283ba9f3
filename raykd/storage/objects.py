"""The objects of a storage on an object store, by the local paths that machines copy them to.

An object store has no locks, no renaming and no appending, so that nothing of raykd works on it directly; an object is
either whole or not there. A store that is away is waited for, as in `raykd.storage.retry`.
"""

import functools
import os
import posixpath
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit, urlunsplit

from raykd.storage.atomic import unused
from raykd.storage.layout import is_inside
from raykd.storage.object_store import Entry, entries, is_object, missing_told, opened
from raykd.storage.retry import retry_while_unavailable

if TYPE_CHECKING:
    from pyarrow import fs

T = TypeVar("T")
_CHUNK = 8 * 2**20  # bytes


@dataclass(frozen=True, kw_only=True)
class Objects:
    """See the file's docstring. All paths are below `root`.

    Args:
        uri: of the storage, without credentials.
        root: the local folder.
        timeout_s: seconds to wait for a store that is away; 0 to be told at once.
    """

    uri: str
    root: Path
    timeout_s: float = 3600.0

    def without_waiting(self) -> "Objects":
        """These for whoever would rather be told at once that the store is away."""
        return replace(self, timeout_s=0.0)

    def uri_of(self, path: Path) -> str:
        """The URI of a local path, which may be that of the folder that `root` lies in too."""
        parts = urlsplit(self.uri)
        joined = posixpath.normpath(f"{parts.path}/{Path(os.path.relpath(path, self.root)).as_posix()}")
        return urlunsplit(parts._replace(path=joined.rstrip("/")))

    def names(self, folder: Path, pattern: str = "*") -> dict[str, Entry]:
        """What is kept below a folder, by name relative to the folder; a `*` matches `/` too."""
        found = self._try(lambda files: entries(files, self._key(folder), recursive=True))
        return {
            name: found[name]
            for name in sorted(found)
            if not found[name].is_folder and is_inside(name) and fnmatch(name, pattern)
        }

    def inside(self, folder: Path) -> dict[str, Entry]:
        """What lies right in a folder, by name, folders too."""
        found = self._try(lambda files: entries(files, self._key(folder), recursive=False))
        return {name: found[name] for name in sorted(found) if name not in ("", ".", "..")}

    def has(self, path: Path) -> bool:
        """Whether a file is kept, or anything in a folder."""
        # Where the last object of a folder is deleted, pyarrow leaves the folder, as an object of no bytes.
        return bool(self.inside(path)) or self._try(lambda files: is_object(files, self._key(path)))

    def read(self, path: Path) -> bytes | None:
        """What is kept of a small file; None where nothing is."""

        def action(files: "fs.FileSystem") -> bytes:
            with files.open_input_stream(self._key(path)) as stream:
                return stream.read()

        try:
            return self._try(action)
        except LookupError:
            return None

    def write(self, path: Path, content: bytes) -> None:
        """Keeps a small file that need not be there on this machine."""

        def action(files: "fs.FileSystem") -> None:
            with files.open_output_stream(self._key(path)) as stream:
                stream.write(content)

        self._try(action)

    def push(self, file: Path, to: Path | None = None) -> None:
        """Keeps a local file, under its own name or another one.

        Raises:
            LookupError: the file is not there any more.
        """

        def action(files: "fs.FileSystem") -> None:
            with file.open("rb") as source, files.open_output_stream(self._key(to or file)) as stream:
                shutil.copyfileobj(source, stream, _CHUNK)

        self._try(action)

    def fetch(self, path: Path, into: Path) -> None:
        """Copies what is kept of a file into a local one, at once; its folder is made.

        Raises:
            LookupError: nothing is kept.
        """

        def action(files: "fs.FileSystem") -> None:
            into.parent.mkdir(parents=True, exist_ok=True)
            temporary = unused(into)
            try:
                with temporary.open("xb") as target, files.open_input_stream(self._key(path)) as stream:
                    shutil.copyfileobj(stream, target, _CHUNK)
                temporary.replace(into)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

        self._try(action)

    def delete(self, path: Path) -> None:
        """Forgets a file, if it is kept."""
        try:
            self._try(lambda files: files.delete_file(self._key(path)))
        except LookupError:
            return

    def forget(self, folder: Path) -> None:
        """Forgets all that is kept below a folder."""
        for name in self.names(folder):
            self.delete(folder / name)

    def _key(self, path: Path) -> str:
        base, inner = opened(self.uri)[1].rstrip("/"), path.relative_to(self.root).as_posix()
        return base if inner == "." else f"{base}/{inner}"

    def _try(self, action: "Callable[[fs.FileSystem], T]") -> T:
        return retry_while_unavailable(functools.partial(missing_told, action, self.uri), self.timeout_s)
