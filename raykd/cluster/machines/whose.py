"""The Rays that run on this machine, and whose they are.

`ray start` leaves its address in `/tmp/ray/ray_current_cluster`, in a folder that all users may write to. Whoever puts
a file there would have every search of the machine join a Ray of his, and run what that answers. So a search joins by
itself only what is its own user's: the file with the address, no link, and whoever listens there. Where the head is
another machine, whose sockets nobody sees from here, it is a raylet of the user's own that belongs to it.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ray._common.utils import get_ray_address_file

from raykd.cluster.machines.sockets import is_here, owner_of, split_address, user_name

_MOST_BYTES = 1000  # of an address; whatever is longer was not written by Ray
_GCS = "--gcs-address="


@dataclass(frozen=True, kw_only=True)
class Found:
    """A Ray that this machine belongs to.

    Args:
        address: of its head.
        owner: the user id of whoever started it here; None where this machine cannot tell.
        is_default: whether `ray start` has left word of it, as of the one to join.
        file_is_mine: whether that word is this user's.
    """

    address: str
    owner: int | None
    is_default: bool = False
    file_is_mine: bool = False

    @property
    def is_mine(self) -> bool:
        """Whether it can be joined unasked."""
        return self.file_is_mine and self.owner == os.geteuid()

    @property
    def whose(self) -> str:
        """Such as `your Ray cluster`."""
        if self.owner is None:
            return "the Ray cluster"
        return "your Ray cluster" if self.owner == os.geteuid() else f"{user_name(self.owner)}'s Ray cluster"


def started_here() -> Found | None:
    """The cluster that `ray start` left word of on this machine."""
    file = Path(get_ray_address_file(None))
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # there is none, it is a link, or it may not be read
        return None
    try:
        status = os.fstat(handle)
        text = os.read(handle, _MOST_BYTES) if stat.S_ISREG(status.st_mode) else b""
    finally:
        os.close(handle)
    address = text.decode(errors="replace").strip()
    if split_address(address) is None:
        return None
    is_mine = status.st_uid == os.geteuid()
    return Found(address=address, owner=owner_at(address), is_default=True, file_is_mine=is_mine)


def all_here() -> list[Found]:
    """All clusters that this machine belongs to, by their addresses; that of `ray start` comes first."""
    started = started_here()
    others = sorted({address for address, _ in _raylets()} - ({started.address} if started else set()))
    return [*([started] if started else []), *(Found(address=each, owner=owner_at(each)) for each in others)]


def owner_at(address: str) -> int | None:
    """The user id of whoever runs the Ray at an address, as far as this machine can tell."""
    place = split_address(address)
    if place is None:
        return None
    if is_here(place[0]):
        return owner_of(*place)
    owners = {owner for at, owner in _raylets() if at == address}
    return os.geteuid() if os.geteuid() in owners else None


def _raylets() -> Iterator[tuple[str, int]]:
    """The head's address and the owner of each of this machine's raylets; none where there is no `/proc`."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            owner, words = process.stat().st_uid, (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has just ended
            continue
        if words[0].endswith(b"/raylet"):
            for word in words:
                if word.startswith(_GCS.encode()):
                    yield word.decode(errors="replace").removeprefix(_GCS), owner
