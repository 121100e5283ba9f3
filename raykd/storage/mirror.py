"""A storage on an object store such as `s3://`: each machine works in a local folder, and what is finished is mirrored.

`--storage s3://bucket/prefix` may be any URI that `pyarrow.fs.FileSystem.from_uri` takes; `file://` is a plain folder.
An object store has no locks, no renaming and no appending, so that nothing of raykd works on it directly. Files are
made in the machine's own folder, as in any storage; when they are finished, whoever made them pushes them, and
whoever needs them pulls them. An object is either whole or not there. What is pushed is the truth: a machine that
takes up a trial makes its folder what the storage has of it.

Credentials come from the environment or the machine's role, as the store's own tools read them. A URI that holds
some is refused: it would stand in logs, in files and in names of folders.
"""

import functools
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pyarrow import fs

from raykd.storage.layout import is_inside
from raykd.storage.object_store import explained, missing_told, opened
from raykd.storage.partial import PartialArtifact
from raykd.storage.retry import retry_while_unavailable

T = TypeVar("T")
_CHUNK = 8 * 2**20  # bytes


def locate_storage(storage: str | os.PathLike[str]) -> "tuple[Path, Mirror | None]":
    """The folder on this machine that a storage is worked on in, and its mirror where it is on an object store.

    Raises:
        ValueError: a URI that cannot be one, in a line without what is secret in it.
    """
    if not (isinstance(storage, str) and "://" in storage):
        return Path(storage).expanduser().absolute(), None
    opened(storage)
    parts = urlsplit(storage)
    if parts.scheme == "file":
        return Path(parts.path), None
    uri = urlunsplit(parts._replace(path=parts.path.rstrip("/")))
    return local_root(uri), Mirror(uri, local_root(uri))


def local_root(uri: str) -> Path:
    """Where this machine works on a storage: the same on all machines whose home folders have the same name."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    parts = urlsplit(uri)
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{parts.netloc}{parts.path}").strip("-")[:60]
    return cache / "raykd" / f"{words}-{hashlib.sha256(uri.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Mirror:
    """What connects a machine's folder with the storage; may be sent to another machine, which has a folder of its own.

    All paths are local ones below `root`. A storage that is away is waited for, as in `raykd.storage.retry`.

    Args:
        uri: of the storage, without credentials.
        root: the local folder.
        timeout_s: seconds to wait for a storage that is away; 0 to be told at once.
    """

    uri: str
    root: Path
    timeout_s: float = 3600.0

    def here(self, path: Path) -> Path:
        """A path of the machine that this mirror comes from, on this one."""
        return local_root(self.uri) / path.relative_to(self.root)

    def moved_here(self) -> "Mirror":
        """This mirror with the folder of this machine."""
        return replace(self, root=local_root(self.uri))

    def without_waiting(self) -> "Mirror":
        """This mirror for whoever would rather be told at once that the storage is away."""
        return replace(self, timeout_s=0.0)

    def at(self, path: Path) -> str:
        """The URI of what mirrors a local path."""
        parts = urlsplit(self.uri)
        inner = path.relative_to(self.root).as_posix()
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{inner}" if inner != "." else parts.path))

    def check(self, *, writes: bool) -> None:
        """Looks at the storage, or writes an object for a moment.

        Raises:
            FileNotFoundError, PermissionError, ConnectionError: it cannot, with the reason.
        """
        without_waiting, probe = self.without_waiting(), self.root / f".raykd-{os.uname().nodename}-{os.getpid()}"
        try:
            if writes:
                without_waiting.write(probe, b"raykd")
                without_waiting.delete(probe)
            else:
                without_waiting.read(probe)
        except OSError as error:
            raise explained(error, f"cannot {'write to' if writes else 'read'} the storage {self.uri}") from None

    def names(self, folder: Path, pattern: str = "*") -> dict[str, fs.FileInfo]:
        """What is kept below a folder: its size and time by name relative to the folder; a `*` matches `/` too."""
        key = self._key(folder)
        infos: Any = self._try(
            lambda files: files.get_file_info(fs.FileSelector(key, allow_not_found=True, recursive=True))
        )
        found = {info.path[len(key) + 1 :]: info for info in infos if info.type == fs.FileType.File}
        return {name: found[name] for name in sorted(found) if is_inside(name) and fnmatch(name, pattern)}

    def inside(self, folder: Path) -> list[str]:
        """The names of what lies right in a folder, folders too."""
        return sorted(info.base_name for info in self._entries(folder))

    def files(self, folder: Path) -> dict[str, fs.FileInfo]:
        """What lies right in a folder, as `names`."""
        return {info.base_name: info for info in self._entries(folder) if info.type == fs.FileType.File}

    def read(self, path: Path) -> bytes | None:
        """What is kept of a small file; None where nothing is."""

        def action(files: fs.FileSystem) -> bytes:
            with files.open_input_stream(self._key(path)) as stream:
                return stream.read()

        try:
            return self._try(action)
        except LookupError:
            return None

    def write(self, path: Path, content: bytes) -> None:
        """Keeps a small file that need not be there on this machine."""

        def action(files: fs.FileSystem) -> None:
            with files.open_output_stream(self._key(path)) as stream:
                stream.write(content)

        self._try(action)

    def push(self, file: Path, to: Path | None = None) -> None:
        """Keeps a local file, under its own name or another one.

        Raises:
            LookupError: the file is not there any more.
        """

        def action(files: fs.FileSystem) -> None:
            with file.open("rb") as source, files.open_output_stream(self._key(to or file)) as stream:
                shutil.copyfileobj(source, stream, _CHUNK)

        self._try(action)

    def fetch(self, path: Path, into: Path) -> None:
        """Copies what is kept of a file into a local one, at once; its folder is made.

        Raises:
            LookupError: nothing is kept.
        """

        def action(files: fs.FileSystem) -> None:
            into.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(prefix=f".{into.stem}-", dir=into.parent, delete=False) as target:
                temporary = Path(target.name)
                try:
                    with files.open_input_stream(self._key(path)) as stream:
                        shutil.copyfileobj(stream, target, _CHUNK)
                except BaseException:
                    temporary.unlink()
                    raise
            temporary.chmod(0o644)
            temporary.replace(into)

        self._try(action)

    def delete(self, path: Path) -> None:
        """Forgets a file, if it is kept."""
        try:
            self._try(lambda files: files.delete_file(self._key(path)))
        except LookupError:
            return

    def partial(self, folder: Path, state: str) -> PartialArtifact:
        """A folder of unfinished work; see `raykd.storage.mirrored_partial`."""
        from raykd.storage.mirrored_partial import SyncedPartialArtifact  # which needs mirrors

        return SyncedPartialArtifact(self, folder, state)

    def _entries(self, folder: Path) -> list[fs.FileInfo]:
        right_in = fs.FileSelector(self._key(folder), allow_not_found=True)
        infos: Any = self._try(lambda files: files.get_file_info(right_in))
        return [info for info in infos if info.base_name not in ("", ".", "..")]

    def _key(self, path: Path) -> str:
        base, inner = opened(self.uri)[1].rstrip("/"), path.relative_to(self.root).as_posix()
        return base if inner == "." else f"{base}/{inner}"

    def _try(self, action: Callable[[fs.FileSystem], T]) -> T:
        return retry_while_unavailable(functools.partial(missing_told, action, self.uri), self.timeout_s)
