"""A file of rows: whole or not there, whoever writes, whatever tears."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from raykd.storage.rows import RowFile

ROWS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_rows_come_back_from_their_places_and_holes_are_not_there(tmp_path: Path):
    file = RowFile(tmp_path / "rows", 4)
    file.write([5, 0, 2], ROWS)
    found, there = file.read([0, 1, 2, 5, 1000])
    assert there.tolist() == [True, False, True, True, False]
    assert found[there].tolist() == [[4, 5, 6, 7], [8, 9, 10, 11], [0, 1, 2, 3]]


def test_a_row_of_zeros_is_a_row(tmp_path: Path):
    file = RowFile(tmp_path / "rows", 4)
    file.write([1], np.zeros((1, 4), dtype=np.uint8))
    assert file.read([0, 1])[1].tolist() == [False, True]


def test_another_process_sees_what_was_written(tmp_path: Path):
    RowFile(tmp_path / "rows", 4).write([7], ROWS[:1])
    found, there = RowFile(tmp_path / "rows", 4).read([7])
    assert (found.tolist(), there.tolist()) == ([[0, 1, 2, 3]], [True])


@pytest.mark.parametrize("place", range(12))
def test_a_byte_that_has_changed_is_found_out(tmp_path: Path, place: int):
    file = RowFile(tmp_path / "rows", 4)
    file.write([0, 1], ROWS[:2])
    with (tmp_path / "rows").open("r+b") as raw:
        raw.seek(12 + place)
        byte = raw.read(1)[0]
        raw.seek(12 + place)
        raw.write(bytes([byte ^ 16]))
    assert file.read([0, 1])[1].tolist() == [True, False]


def test_a_row_in_anothers_place_is_found_out(tmp_path: Path):
    file = RowFile(tmp_path / "rows", 4)
    file.write([0], ROWS[:1])
    (tmp_path / "rows").write_bytes((tmp_path / "rows").read_bytes() * 2)
    assert file.read([0, 1])[1].tolist() == [True, False]


def test_a_row_that_was_cut_off_is_not_there_and_is_written_again(tmp_path: Path):
    file = RowFile(tmp_path / "rows", 4)
    file.write([0, 1], ROWS[:2])
    os.truncate(tmp_path / "rows", 17)
    assert file.read([0, 1])[1].tolist() == [True, False]
    file.write([1], ROWS[1:2])
    assert file.read([0, 1])[1].tolist() == [True, True]


WRITER = """
import sys, numpy as np
from pathlib import Path
from raykd.storage.rows import RowFile
file = RowFile(Path(sys.argv[1]), 4096)
print("begun", flush=True)
while True:
    for place in range(64):
        file.write([place], np.full((1, 4096), place, dtype=np.uint8))
"""


def test_writers_that_are_killed_leave_whole_rows_alone(tmp_path: Path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "rows")]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    file = RowFile(tmp_path / "rows", 4096)
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    found, there = file.read(range(64))
    for place in np.flatnonzero(there):
        assert (found[place] == place).all()
