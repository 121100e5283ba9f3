"""Ray's token lies where its user alone reads it."""

import os
import stat
from pathlib import Path

import pytest
from users import give_to_nobody

from raykd.cluster.machines.token import close_token_file, hand_over_token


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")  # so that it is as it was after the test
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_user_alone(home: Path):
    before = os.umask(0)
    hand_over_token()
    os.umask(before)
    (file,) = (home / ".ray").iterdir()
    assert (file.name, mode(file), len(file.read_text())) == ("auth_token", 0o600, 64)
    assert "RAY_AUTH_TOKEN" not in os.environ
    token = file.read_text()
    hand_over_token()
    assert file.read_text() == token


@pytest.mark.parametrize("unwritable", ["/dev/null", "/proc/none"])
def test_a_home_that_cannot_be_written(unwritable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", unwritable)
    hand_over_token()
    token = os.environ["RAY_AUTH_TOKEN"]
    assert len(token) == 64
    hand_over_token()
    assert os.environ["RAY_AUTH_TOKEN"] == token


@pytest.mark.parametrize("variable", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"])
def test_none_is_made_where_something_else_is_said(variable: str, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, "disabled")
    hand_over_token()
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("named", [False, True])
def test_one_that_others_may_read_is_closed(named: bool, home: Path, monkeypatch: pytest.MonkeyPatch):
    file = home / "elsewhere" if named else home / ".ray" / "auth_token"
    file.parent.mkdir(exist_ok=True)
    file.write_text("secret")
    file.chmod(0o644)
    if named:
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    close_token_file()
    assert (mode(file), file.read_text()) == (0o600, "secret")


def test_one_that_another_user_shares_is_left(home: Path, monkeypatch: pytest.MonkeyPatch):
    file = home / "shared"
    file.write_text("secret")
    file.chmod(0o644)
    give_to_nobody(file)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    close_token_file()
    assert mode(file) == 0o644


def test_there_is_none_to_close(home: Path):
    close_token_file()
    assert list(home.iterdir()) == []
