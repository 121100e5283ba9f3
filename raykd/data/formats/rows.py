"""Pictures in the rows of tables, opened by name like files."""

import functools
import io
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from raykd.data.formats.tables import pictures


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Pictures in a column of Arrow and Parquet files.

    A picture goes by its table's path below the root, and its row: `data/train.parquet#000000012`.

    Args:
        root: the folder.
        column: the name of the column.
        cache: where they are unpacked to; None to hold them in memory. See `tables.pictures`.
    """

    root: Path
    column: str
    cache: str | None

    def names(self, file: str) -> list[str]:
        """The pictures of a table.

        Raises:
            FileNotFoundError, ValueError: the table is not there, is none, or the column has no bytes.
        """
        parts = _mapped(self.root / file, self.column, self.cache).parts
        return [f"{file}#{row:09d}" for row in range(sum(map(len, parts)))]

    def length(self, name: str) -> int:
        """The bytes of a picture; 0 where its row has none."""
        content = self._content(name)
        return 0 if content is None else content.size

    def open(self, name: str) -> io.BytesIO:
        """A picture's bytes, as a file."""
        return io.BytesIO(self._content(name) or b"")

    def state(self, name: str) -> tuple[int, int, str]:
        """The bytes of a picture, when its table was changed in nanoseconds, and why it cannot be read, if so."""
        file, _, _ = name.rpartition("#")
        length = self.length(name)
        return length, _changed(self.root / file), "" if length else "it has no bytes"

    def _content(self, name: str) -> Any:
        """The `pyarrow.Buffer` of a picture, which is not read from the disk yet; None where its row has none."""
        file, _, row = name.rpartition("#")
        parts, begins = _mapped(self.root / file, self.column, self.cache)
        part = bisect_right(begins, int(row)) - 1
        return parts[part][int(row) - begins[part]].as_buffer()


@functools.lru_cache(maxsize=4096)
def _changed(file: Path) -> int:
    return file.stat().st_mtime_ns


class _Mapped(NamedTuple):
    """Arrays of bytes, and the row that each begins with."""

    parts: list[Any]
    begins: list[int]


@functools.lru_cache(maxsize=4096)  # tables: a set of a terabyte has so many
def _mapped(file: Path, column: str, cache: str | None) -> _Mapped:
    parts = [part for part in pictures(file, column, None if cache is None else Path(cache)) if len(part)]
    begins = [0]
    for part in parts:
        begins.append(begins[-1] + len(part))
    return _Mapped(parts, begins[:-1])
