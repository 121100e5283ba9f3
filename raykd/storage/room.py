"""Folders that share a bounded room on a disk: what was not used for longest makes way for what is wanted now.

For what can be made again at any time. A folder is deleted though others may have its files open: they go on with
them, as a file system keeps those until they are closed.
"""

import re
import shutil
from pathlib import Path

from filelock import FileLock

from raykd.errors import InvalidError
from raykd.storage.atomic import write_text

DEFAULT_ROOM = 20 * 10**9  # bytes
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_RESERVED = "reserved"  # how many bytes a folder may grow to; its time is that of the folder's last use


def parse_bytes(text: str | int) -> int:
    """A number of bytes, such as `20GB` or `0`.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)B?", str(text).strip(), re.IGNORECASE)
    if match is None:
        raise InvalidError(f"a size is a number of bytes such as 20GB, 500MB or 0, got {str(text)!r}")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def parse_room(size: int | str | None) -> int | None:
    """As `parse_bytes`; None stays None."""
    return None if size is None else parse_bytes(size)


def format_bytes(size: int) -> str:
    """A number of bytes in a few words, such as `2.9 GB`."""
    for unit, scale in reversed(_UNITS.items()):
        if unit and size >= scale:
            return f"{size / scale:.1f} {unit}B"
    return f"{size} bytes"


def reserve(root: Path, name: str, size: int, room: int | None) -> Path | None:
    """A folder that may grow to `size` bytes, or None where there is no room for it.

    Args:
        root: whose folders share the room.
        name: of the folder; one that is there already keeps its place.
        room: bytes; None for 20 GB, and no more than half of what is free on the disk for a new folder.

    Raises:
        OSError: the disk is full, or away.
    """
    room, half = (DEFAULT_ROOM, True) if room is None else (room, False)
    if size > room:
        return None
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".lock"):
        folder = root / name
        others = sorted(_others(root, folder), key=lambda other: other.stat().st_mtime)
        total = sum(_size(other) for other in others)
        while others and total + size > room:
            total -= _size(others[0])
            shutil.rmtree(others.pop(0).parent, ignore_errors=True)
        if half and not folder.exists() and size > shutil.disk_usage(root).free / 2:
            return None
        folder.mkdir(exist_ok=True)
        known = _size(folder / _RESERVED) if (folder / _RESERVED).exists() else 0
        write_text(folder / _RESERVED, str(max(size, known)))  # also tells when it was used last
    return folder


def _others(root: Path, folder: Path) -> list[Path]:
    return [file for file in root.glob(f"*/{_RESERVED}") if file.parent != folder]


def _size(reserved: Path) -> int:
    text = reserved.read_text()
    # A machine that lost its power between making the file and writing it leaves it empty.
    return int(text) if text.isdecimal() else sum(file.stat().st_size for file in reserved.parent.iterdir())
