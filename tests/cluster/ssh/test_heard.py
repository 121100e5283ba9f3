"""What workers say while they are set up is kept, and told apart from what `ssh` says."""

import os
from pathlib import Path

import pytest

from raykd.cluster.ssh import heard


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))


def test_nobody_has_spoken():
    assert (heard.at_work(), heard.failures()) == ("", {})
    heard.file_for("10.0.0.2").touch()
    assert heard.at_work() == ""


def test_the_latest_is_shown():
    for number, host in enumerate(("10.0.0.2", "10.0.0.3", "10.0.0.4")):
        heard.file_for(host).write_text(f"Collecting torch\r\nDownloading {number}\r")
        os.utime(heard.file_for(host), (number, number))
    assert heard.at_work() == "10.0.0.4: Downloading 2"
    heard.has_joined("10.0.0.4")
    assert heard.at_work() == "10.0.0.3: Downloading 1"


def test_who_has_failed_is_no_longer_at_work_and_its_last_words_stay():
    lines = [f"line {number}" for number in range(9)]
    noise = "\x1b[36m\x1b[39m\r\nShared connection to 10.0.0.2 closed.\r\n"
    heard.file_for("10.0.0.2").write_text("\r\n".join(lines) + "\r\n\x1b[31merror: no room\x1b[39m\r\n" + noise)
    heard.has_failed("10.0.0.2")
    assert heard.at_work() == ""
    assert heard.failures() == {"10.0.0.2": [*lines[-4:], "error: no room"]}


def test_one_that_has_failed_without_a_word():
    heard.has_failed("10.0.0.2")
    assert heard.failures() == {"10.0.0.2": []}
