"""What keeps `ray up` from logging in, or from working there, is one line with what to do."""

import shlex
import sys
from pathlib import Path

import pytest

from raykd.cluster.ssh.look import look
from raykd.errors import FailureError, MissingError, UnreachableError


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all programs that are found, among them an `ssh` that runs its last word here."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("bash", "flock", "rsync", "sh"):
        program(tmp_path, name, 'exec /bin/sh "$@"')
    program(tmp_path, "ssh", 'for word; do :; done; exec /bin/sh -c "$word"')
    look.cache_clear()
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def says(folder: Path, words: str) -> None:
    program(folder, "ssh", f"echo {shlex.quote(words)} >&2; exit 255")


def test_a_machine_with_all_of_it_passes(programs: Path):
    look(("-o", "Port=22"), "ada", "10.0.0.2")


@pytest.mark.parametrize("name", ["ssh", "rsync"])
def test_a_program_that_is_missing_here(programs: Path, name: str):
    (programs / name).unlink()
    with pytest.raises(MissingError, match=f"this machine lacks {name}; on Debian: apt-get install"):
        look((), "ada", "10.0.0.2")


def test_programs_that_are_missing_there(programs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "prefix", "/nowhere")
    (programs / "bare").mkdir()
    for name in ("bash", "sh"):
        program(programs / "bare", name, 'exec /bin/sh "$@"')
    program(programs, "ssh", f'for word; do :; done; PATH={programs}/bare exec /bin/sh -c "$word"')
    with pytest.raises(
        FailureError, match=r"10\.0\.0\.2 lacks rsync, flock, Python 3\.11 or newer with venv; on Debian"
    ):
        look((), "ada", "10.0.0.2")


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("ssh: connect to host 10.0.0.2 port 22: Connection refused", "nobody listens for SSH at 10.0.0.2; start sshd"),
        ("ada@10.0.0.2: Permission denied (publickey).", "10.0.0.2 does not let ada in without a password; ssh-keygen"),
        ("ssh: Could not resolve hostname ten", "ssh ada@10.0.0.2 fails: ssh: Could not resolve hostname ten"),
    ],
)
def test_no_login(programs: Path, words: str, advice: str):
    says(programs, words)
    with pytest.raises(UnreachableError, match=advice.replace(".", r"\.")) as raised:
        look((), "ada", "10.0.0.2")
    assert "\n" not in str(raised.value)


def test_nobody_is_asked_for_a_password(programs: Path):
    program(programs, "ssh", f'/bin/echo "$@" > {programs}/words')
    look((), "ada", "10.0.0.2")
    assert "-o BatchMode=yes ada@10.0.0.2" in (programs / "words").read_text()
