"""What a storage is to all who use it: a folder of this machine, and what other machines see of it.

There are two. In a `LocalStorage` all machines see the same folder, so that nothing is ever copied, and locks work.
In a `SyncedStorage` each machine has a folder of its own, and an object store has what is finished. Whoever writes a
file pushes it, and whoever needs one pulls it; who holds a storage never asks which of the two it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from raykd.storage.partial import PartialArtifact
from raykd.storage.sync import Uploader


class Follower(ABC):
    """What is told to other machines, and heard of them, while this one works in a folder."""

    @abstractmethod
    def begin(self, storage: "Storage") -> None:
        """Called first; what it raises ends the work before it begins."""

    @abstractmethod
    def step(self, storage: "Storage") -> None:
        """Called again and again, by a thread, with a storage that does not wait; what it cannot do is tried again."""

    @abstractmethod
    def end(self, storage: "Storage") -> None:
        """Called last, however the work has ended."""


@dataclass(frozen=True, kw_only=True)
class Storage(ABC):
    """See the file's docstring. May be sent to another machine, and all paths are local ones.

    Args:
        root: the folder of this machine.
        timeout_s: seconds to wait for a storage that is full or away; 0 to be told at once.
    """

    root: Path
    timeout_s: float = 3600.0

    def without_waiting(self) -> "Storage":
        """This storage for whoever would rather be told at once that it is away."""
        return replace(self, timeout_s=0.0)

    @abstractmethod
    def absolute(self) -> "Storage":
        """This storage, the same for processes that run in other folders."""

    @abstractmethod
    def here(self, path: Path) -> Path:
        """A path of the machine that this storage comes from, on this one."""

    @abstractmethod
    def moved_here(self) -> "Storage":
        """This storage with the folder of this machine."""

    @abstractmethod
    def set_apart(self) -> "AbstractContextManager[Storage]":
        """This storage to look at without waiting: what is pulled lies out of the way of what runs on this machine."""

    @abstractmethod
    def uri_of(self, path: Path) -> str:
        """What a path is called by users, and by programs on all machines: the path itself, or a URI."""

    @abstractmethod
    def shown(self, path: Path) -> str:
        """As `uri_of`, for errors and logs: of a URI scheme, bucket and path alone."""

    @abstractmethod
    def check(self, *, writes: bool) -> None:
        """Looks at what lies beyond this machine, or writes there for a moment.

        Raises:
            FileNotFoundError, PermissionError, ConnectionError: it cannot, with the reason.
        """

    @abstractmethod
    def find(self, name: str | None, marks: Collection[str]) -> Path:
        """The folder of a search, a run or a trial that a user means by a name.

        Args:
            marks: files; what has one of them right in it is named where there is no such folder.

        Raises:
            ValueError: there is no name, or it cannot be one.
            FileNotFoundError: there is no such folder.
        """

    @abstractmethod
    def has(self, path: Path) -> bool:
        """Whether there is such a file or folder."""

    @abstractmethod
    def inside(self, folder: Path) -> list[str]:
        """The names of what lies right in a folder, folders too; none where it is not there."""

    @abstractmethod
    def read(self, path: Path) -> bytes | None:
        """What a small file holds; None where there is none."""

    @abstractmethod
    def read_back(self, path: Path) -> bytes:
        """As `read`, of a file that has been written: a file system that lacks it is away, and is waited for."""

    @abstractmethod
    def write(self, path: Path, content: bytes) -> None:
        """Writes a small file for all machines, whole or not at all."""

    @abstractmethod
    def delete(self, path: Path) -> None:
        """Deletes a file for all machines, if it is there."""

    @abstractmethod
    def make_new(self, folder: Path) -> None:
        """Makes an empty folder.

        Raises:
            FileExistsError: the storage has it already.
        """

    @abstractmethod
    def make_parent(self, folder: Path) -> None:
        """Makes the folder that a folder lies in, where a storage lacks one that must be there."""

    @abstractmethod
    def forget(self, folder: Path) -> None:
        """Deletes a folder from what other machines see, with all that is in it."""

    @abstractmethod
    def push(self, file: Path) -> None:
        """Lets other machines see a file of this one."""

    @abstractmethod
    def pull(self, folder: Path) -> None:
        """Makes a folder of this machine what the storage has of it: what else lies there is removed."""

    @abstractmethod
    def pull_files(self, folder: Path) -> None:
        """Copies the files that lie right in a folder to this machine."""

    @abstractmethod
    def pull_grown(self, folder: Path, pattern: str = "*") -> None:
        """Copies files that are missing here, or shorter than the storage has them: right for those that only grow."""

    @abstractmethod
    def uploader(self, *globs: tuple[Path, str], spent: Collection[Path] = ()) -> Uploader:
        """What pushes the files of folders.

        Args:
            globs: folders, each with a pattern of the files below it.
            spent: files that need not stay on this machine when the last push is done.
        """

    @abstractmethod
    def in_step(self, follower: Follower, every_s: float) -> AbstractContextManager[None]:
        """Lets a follower work for as long as the context lasts, where other machines do not see this one's folder."""

    @abstractmethod
    def partial(self, folder: Path, state: str) -> PartialArtifact:
        """Unfinished work.

        Args:
            state: the file that is written last whenever there is more to go on from.
        """

    @abstractmethod
    def fetch_artifact(self, folder: Path) -> bool:
        """Takes an artefact that another machine has made; whether there is one, and it is whole."""

    @abstractmethod
    def place_artifact(self, working: Path, folder: Path) -> None:
        """Puts an artefact that was made here into its place, or another machine's that came first."""
