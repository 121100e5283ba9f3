"""A storage that is a folder which all machines see: it does nothing more than a file system does."""

import contextlib
import difflib
import functools
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from raykd.errors import InvalidError, MissingError
from raykd.storage import atomic
from raykd.storage.links import check_inside
from raykd.storage.manifest import put_in_place
from raykd.storage.partial import LocalPartialArtifact, PartialArtifact
from raykd.storage.retry import retry_while_unavailable
from raykd.storage.storage import Follower, Storage
from raykd.storage.sync import LocalUploader, Uploader


@dataclass(frozen=True, kw_only=True)
class LocalStorage(Storage):
    """See the file's docstring. All machines call the folder the same; what they pull from each other is here."""

    def absolute(self) -> Storage:
        return replace(self, root=self.root.absolute())

    def here(self, path: Path) -> Path:
        return path

    def moved_here(self) -> Storage:
        return self

    @contextlib.contextmanager
    def set_apart(self) -> Iterator[Storage]:
        yield self.without_waiting()

    def uri_of(self, path: Path) -> str:
        return str(path)

    def shown(self, path: Path) -> str:
        return str(path)

    def check(self, *, writes: bool) -> None:
        pass  # nothing lies beyond this machine; who makes a folder in the storage is told what is wrong with it

    def find(self, name: str | None, marks: Collection[str]) -> Path:
        known = sorted({file.parent.name for mark in marks for file in self.root.glob(f"*/{mark}")})
        listed = f"in {self.root} there are {', '.join(known)}" if known else f"in {self.root} there is none yet"
        if name is None:
            raise InvalidError(f"needs the folder of a search, run or trial, or its name; {listed}")
        for path in (Path(name).expanduser(), self.root / name):
            if path.is_dir():
                return path
        close = difflib.get_close_matches(Path(name).name, known, n=1)
        raise MissingError(f"no folder {name!r}; {f'did you mean {self.root / close[0]}' if close else listed}")

    def has(self, path: Path) -> bool:
        return path.exists()

    def inside(self, folder: Path) -> list[str]:
        if not folder.exists():
            return []
        return retry_while_unavailable(lambda: sorted(path.name for path in folder.iterdir()), self.timeout_s)

    def read(self, path: Path) -> bytes | None:
        def action() -> bytes | None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return path.read_bytes()

        return retry_while_unavailable(action, self.timeout_s)

    def read_back(self, path: Path) -> bytes:
        return retry_while_unavailable(path.read_bytes, self.timeout_s)

    def write(self, path: Path, content: bytes) -> None:
        check_inside(self.root, path.parent)
        save = functools.partial(Path.write_bytes, data=content)
        retry_while_unavailable(lambda: atomic.write(path, save), self.timeout_s)

    def delete(self, path: Path) -> None:
        check_inside(self.root, path.parent)
        path.unlink(missing_ok=True)

    def make_new(self, folder: Path) -> None:
        check_inside(self.root, folder.parent)
        folder.mkdir()

    def make_parent(self, folder: Path) -> None:
        check_inside(self.root, folder.parent)
        retry_while_unavailable(lambda: folder.parent.mkdir(exist_ok=True), self.timeout_s)

    def forget(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    def push(self, file: Path) -> None:
        pass

    def pull(self, folder: Path) -> None:
        check_inside(self.root, folder)  # whoever takes it up goes on writing there

    def pull_files(self, folder: Path) -> None:
        pass

    def pull_grown(self, folder: Path, pattern: str = "*") -> None:
        pass

    def uploader(self, *globs: tuple[Path, str], spent: Collection[Path] = ()) -> Uploader:
        return LocalUploader()

    @contextlib.contextmanager
    def in_step(self, follower: Follower, every_s: float) -> Iterator[None]:
        yield

    def partial(self, folder: Path, state: str) -> PartialArtifact:
        check_inside(self.root, folder)
        return LocalPartialArtifact(folder)

    def fetch_artifact(self, folder: Path) -> bool:
        return False

    def place_artifact(self, working: Path, folder: Path) -> None:
        put_in_place(working, folder)
