"""Which pictures of a folder are the same file twice, so that no copy of a picture to train on is tested on.

Files of one length whose ends agree are read whole and compared by SHA-256. The end, since pictures of one camera begin
alike; so of a folder without copies no more than some kilobytes a file are read.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from io import BufferedReader, BytesIO
from pathlib import Path

from raykd.data.formats.rows import Rows

_END = 4096  # bytes


@lru_cache(maxsize=8)
def copies(root: Path, names: tuple[str, ...], rows: Rows | None = None) -> dict[str, str]:
    """For each file that is a copy of one before it, the first of them; of the others nothing.

    Kept in this process, where a recipe's check, its digest and its loading ask one after the other.

    Args:
        root: the folder that the paths begin at.
        names: paths, the original of some equal files being the first. Empty files are no copies of each other.
        rows: where they are opened, if they lie in tables.

    Raises:
        OSError: a file that has the length of another one cannot be read.
    """

    def length(name: str) -> int:
        if rows is not None:
            return rows.length(name)
        try:
            return os.stat(f"{root}/{name}").st_size  # noqa: PTH116 - a Path for each of a million takes thrice as long
        except OSError:  # as of a link to nowhere, or to itself; whoever then looks into all pictures says so
            return 0

    def opened(name: str) -> BufferedReader | BytesIO:
        return open(f"{root}/{name}", "rb") if rows is None else rows.open(name)  # noqa: PTH123

    def end(name: str) -> bytes:
        try:
            file = opened(name)
        except PermissionError:
            return name.encode(errors="surrogateescape")
        with file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _END))
            return hashlib.sha256(file.read()).digest()

    def content(name: str) -> bytes:
        with opened(name) as file:
            return hashlib.file_digest(file, "sha256").digest()

    alike = [group for group in _groups(names, length) if length(group[0])]
    for told in (end, content):
        alike = [part for group in alike for part in _groups(group, told)]
    return {name: group[0] for group in alike for name in group[1:]}


def _groups(names: Iterable[str], told: Callable[[str], Hashable]) -> list[list[str]]:
    """Two or more of the names of which the same is told, in their order."""
    found = defaultdict[Hashable, list[str]](list)
    for name in names:
        found[told(name)].append(name)
    return [group for group in found.values() if len(group) > 1]
