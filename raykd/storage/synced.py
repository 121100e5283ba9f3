"""A storage on an object store such as `s3://`: each machine works in a local folder that is kept in step with it.

Files are made in the machine's own folder, as in any storage; when they are finished, whoever made them pushes them,
and whoever needs them pulls them. What is pushed is the truth: a machine that takes up a trial makes its folder what
the storage has of it.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from raykd.errors import InvalidError, MissingError, nearest
from raykd.storage import address, exchange, sync
from raykd.storage.layout import is_plain
from raykd.storage.object_store import explained
from raykd.storage.objects import Objects
from raykd.storage.partial import PartialArtifact, SyncedPartialArtifact
from raykd.storage.storage import Follower, Storage
from raykd.storage.sync import SyncedUploader, Uploader


def local_root(uri: str) -> Path:
    """Where this machine works on a storage: the same on all machines whose home folders have the same name."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    parts = urlsplit(uri)
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{parts.netloc}{parts.path}").strip("-")[:60]
    return cache / "raykd" / f"{words}-{hashlib.sha256(uri.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, kw_only=True)
class SyncedStorage(Storage):
    """See the file's docstring.

    Args:
        uri: of the storage, without credentials and without a slash at its end.
    """

    uri: str

    @property
    def objects(self) -> Objects:
        """What the object store has, by local paths."""
        return Objects(uri=self.uri, root=self.root, timeout_s=self.timeout_s)

    def absolute(self) -> Storage:
        return self

    def here(self, path: Path) -> Path:
        return local_root(self.uri) / path.relative_to(self.root)

    def moved_here(self) -> Storage:
        return replace(self, root=local_root(self.uri))

    @contextlib.contextmanager
    def set_apart(self) -> Iterator[Storage]:
        name = urlsplit(self.uri).path.rpartition("/")[-1]  # of a search, maybe, which is called as its folder
        with tempfile.TemporaryDirectory() as folder:
            yield replace(self, root=Path(folder, name if is_plain(name) else "storage"), timeout_s=0.0)

    def uri_of(self, path: Path) -> str:
        return self.objects.uri_of(path)

    def shown(self, path: Path) -> str:
        return address.shown(self.uri_of(path))

    def check(self, *, writes: bool) -> None:
        objects, probe = self.objects.without_waiting(), self.root / f".raykd-{os.uname().nodename}-{os.getpid()}"
        try:
            if writes:
                objects.write(probe, b"raykd")
                objects.delete(probe)
            else:
                objects.read(probe)
        except OSError as error:
            raise explained(
                error, f"cannot {'write to' if writes else 'read'} the storage {self.shown(self.root)}"
            ) from None

    def find(self, name: str | None, marks: Collection[str]) -> Path:
        if name is None or not all(is_plain(part) for part in Path(name).parts):
            raise InvalidError(
                f"needs the name of a search, run or trial in {self.shown(self.root)}, such as NAME/trials/trial-0003"
            )
        folder = self.root / name
        if all(entry.is_folder for entry in self.objects.inside(folder).values()):
            raise MissingError(
                f"no {name!r} in {self.shown(self.root)}; {nearest(folder.name, self.inside(folder.parent))}"
            )
        return folder

    def has(self, path: Path) -> bool:
        return self.objects.has(path)

    def inside(self, folder: Path) -> list[str]:
        return [name for name in self.objects.inside(folder) if is_plain(name)]  # others would be none of raykd's

    def read(self, path: Path) -> bytes | None:
        return self.objects.read(path)

    def read_back(self, path: Path) -> bytes:
        return self.objects.read(path) or b""

    def write(self, path: Path, content: bytes) -> None:
        self.objects.write(path, content)

    def delete(self, path: Path) -> None:
        self.objects.delete(path)

    def make_new(self, folder: Path) -> None:
        if self.has(folder):
            raise FileExistsError(self.shown(folder))
        shutil.rmtree(folder, ignore_errors=True)  # what the storage has no more
        folder.mkdir()

    def make_parent(self, folder: Path) -> None:
        pass  # an object store has no folders

    def forget(self, folder: Path) -> None:
        self.objects.forget(folder)

    def push(self, file: Path) -> None:
        self.objects.push(file)

    def pull(self, folder: Path) -> None:
        sync.pull(self.objects, folder)

    def pull_files(self, folder: Path) -> None:
        sync.pull_files(self.objects, folder)

    def pull_grown(self, folder: Path, pattern: str = "*") -> None:
        sync.pull_grown(self.objects, folder, pattern)

    def uploader(self, *globs: tuple[Path, str], spent: Collection[Path] = ()) -> Uploader:
        return SyncedUploader(self.objects, *globs, spent=spent)

    @contextlib.contextmanager
    def in_step(self, follower: Follower, every_s: float) -> Iterator[None]:
        follower.begin(self)
        ended = threading.Event()
        thread = threading.Thread(target=self._follow, args=(follower, every_s, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            follower.end(self)

    def _follow(self, follower: Follower, every_s: float, ended: threading.Event) -> None:
        storage = self.without_waiting()
        while not ended.wait(every_s):
            with contextlib.suppress(OSError, LookupError):  # it, or a file, is away: the next round tries again
                follower.step(storage)

    def partial(self, folder: Path, state: str) -> PartialArtifact:
        return SyncedPartialArtifact(self.objects, folder, state)

    def fetch_artifact(self, folder: Path) -> bool:
        return exchange.fetch(self.objects, folder)

    def place_artifact(self, working: Path, folder: Path) -> None:
        exchange.offer(self.objects, working, folder)
