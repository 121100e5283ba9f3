"""Optuna's journal in a file: Optuna reads it, and no failed write leaves half a line there."""

import errno
import os
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection

import raykd.storage.journal
import raykd.storage.retry
from raykd.errors import FailureError
from raykd.storage.journal import JournalFile


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "optuna.journal"


def make(file: Path, name: str) -> None:
    JournalStorage(JournalFile(file)).create_new_study([StudyDirection.MAXIMIZE], name)


def names(file: Path) -> list[str]:
    return optuna.get_all_study_names(JournalStorage(JournalFileBackend(str(file))))


def test_optuna_reads_what_is_written_while_it_is_open(file: Path):
    make(file, "one")
    reader = JournalStorage(JournalFileBackend(str(file)))
    writer = JournalStorage(JournalFile(file))
    writer.create_new_study([StudyDirection.MAXIMIZE], "two")
    assert optuna.get_all_study_names(reader) == ["one", "two"]
    reader.create_new_study([StudyDirection.MAXIMIZE], "three")
    assert optuna.get_all_study_names(writer) == ["one", "two", "three"]
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_full_disk_is_waited_for_and_leaves_no_half_of_a_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    make(file, "one")
    write, full = os.write, [True]

    def fills(handle: int, data: bytes) -> int:
        if full:
            full.pop()
            write(handle, data[:10])
            raise OSError(errno.ENOSPC, "no space left")
        return write(handle, data)

    monkeypatch.setattr(raykd.storage.retry.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(os, "write", fills)
    make(file, "two")
    monkeypatch.undo()
    assert names(file) == ["one", "two"]
    assert "waiting for the storage: no space left" in caplog.text


def test_half_a_line_of_a_machine_that_lost_its_power_is_taken_out(file: Path):
    make(file, "one")
    with file.open("ab") as opened:
        opened.write(b'{"op_code":0,"worker')
    make(file, "two")
    assert names(file) == ["one", "two"]


def test_the_lock_of_a_dead_process_is_broken(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raykd.storage.journal, "_STALE_S", 3)
    make(file, "one")
    lock = file.with_name(f"{file.name}.lock")
    lock.touch()
    moments = iter(range(0, 1000, 2))
    monkeypatch.setattr("optuna.storages.journal._file.time.monotonic", lambda: float(next(moments)))
    monkeypatch.setattr("optuna.storages.journal._file.time.sleep", lambda seconds: None)
    make(file, "two")
    assert names(file) == ["one", "two"]
    assert not lock.exists()


def test_a_file_that_another_one_replaces_is_written_to_no_more(file: Path):
    storage = JournalStorage(JournalFile(file))
    storage.create_new_study([StudyDirection.MAXIMIZE], "one")
    file.unlink()
    file.touch()
    with pytest.raises(FailureError, match=r"optuna\.journal has been replaced"):
        storage.create_new_study([StudyDirection.MAXIMIZE], "two")
    assert file.read_bytes() == b""
