"""A file of rows that many processes fill and read at once: each row is whole, or counts as not there.

A row is its bytes and a checksum of them and of its place. So a process that is killed in the middle of a write, a
machine that loses its power, a page that a network's file system shows too early, or a row that two write at the same
time (the same bytes, as a row is a function of its place) is never read as something else. There is no lock, and the
file has holes where nothing was written.

Rows are read and written by calls, not through a mapping of the file: a mapped page that cannot be had (a full disk, a
file that another machine has deleted) kills the process, where a call gives an error.
"""

import os
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

_SUM_BYTES = 8  # a CRC of 32 bits, and a bit that no hole has


class RowFile:
    """Rows of equal length in one file, counted from 0.

    Args:
        path: made if it is not there; its folder must be.
        length: of a row, in bytes.
    """

    def __init__(self, path: Path, length: int):
        self.length = length
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        weakref.finalize(self, os.close, self._handle)  # a trial that is stopped leaves its generator where it stands

    @staticmethod
    def size(length: int, rows: int) -> int:
        """The bytes that a whole file of so many rows takes."""
        return (length + _SUM_BYTES) * rows

    def read(self, places: Sequence[int]) -> tuple[UInt8[np.ndarray, "rows length"], Bool[np.ndarray, "rows"]]:
        """The rows at some places, and which of them are there; the others' bytes mean nothing."""
        table = np.zeros((len(places), self.length + _SUM_BYTES), dtype=np.uint8)
        there = np.zeros(len(places), dtype=np.bool_)
        stride = self.length + _SUM_BYTES
        for number, (row, place) in enumerate(zip(table, places, strict=True)):
            data = memoryview(row.data)
            try:
                whole = os.preadv(self._handle, [data], place * stride) == stride
            except OSError:  # what cannot be read is as good as never written
                whole = False
            there[number] = whole and data[self.length :] == _sum(data[: self.length], place)
        return table[:, : self.length], there

    def write(self, places: Sequence[int], rows: UInt8[np.ndarray, "rows length"]) -> None:
        """Puts rows to their places.

        Raises:
            OSError: the disk is full, or away.
        """
        stride = self.length + _SUM_BYTES
        for place, row in zip(places, rows, strict=True):
            data = row.tobytes()
            os.pwrite(self._handle, data + _sum(data, place), place * stride)


def _sum(data: bytes | memoryview, place: int) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(place.to_bytes(8, "little")))
    return (crc | 1 << 32).to_bytes(_SUM_BYTES, "little")
