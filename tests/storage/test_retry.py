"""Waiting for a storage: until it is back, not for errors that stay, and not for ever."""

import errno
import os

import pytest

from raykd.storage.atomic import append, write_text
from raykd.storage.retry import retry_while_unavailable


def test_an_action_is_tried_again_until_the_storage_is_back(tmp_path, caplog):
    attempts = []

    def action():
        attempts.append(len(attempts))
        if len(attempts) == 2:
            (tmp_path / "storage").mkdir()
        write_text(tmp_path / "storage" / "below" / "file", "text")
        return "done"

    assert retry_while_unavailable(action) == "done"
    assert len(attempts) == 2
    assert (tmp_path / "storage" / "below" / "file").read_text() == "text"
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("raykd.storage.retry", "WARNING")
    assert record.getMessage().startswith("waiting for the storage: No such file or directory: ")


def test_an_error_that_will_not_pass_is_raised_at_once():
    attempts = []

    def action():
        attempts.append(1)
        raise PermissionError(errno.EACCES, "no", "file")

    with pytest.raises(PermissionError):
        retry_while_unavailable(action)
    assert len(attempts) == 1


def test_patience_has_an_end():
    def action():
        raise OSError(errno.ENOSPC, "No space left on device", "file")

    with pytest.raises(OSError, match="No space left"):
        retry_while_unavailable(action, timeout_s=0.1)


def test_a_file_is_never_written_into_a_storage_that_is_away(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "away" / "search" / "file", "text")
    assert not (tmp_path / "away").exists()


def test_appending_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "lines"
    append(path, b"one\n")
    whole = os.write

    def full(handle, data):
        if len(data) < 4:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return whole(handle, data[:2])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        append(path, b"two\n")
    assert path.read_bytes() == b"one\n"
    monkeypatch.undo()
    append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
