"""A user's clusters have their folder, token and ports to themselves."""

import os
import stat
from pathlib import Path

import pytest

from raykd.cluster.ssh import places
from raykd.errors import NotPermittedError


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files, and a home."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_the_users_alone(machine: Path):
    assert places.folder() == machine / f"raykd-{os.getuid()}"
    assert mode(places.folder()) == 0o700


def test_the_heads_ray_finds_the_folder_that_it_has(monkeypatch: pytest.MonkeyPatch):
    here = places.folder()
    monkeypatch.setenv("RAY_TMPDIR", str(here))
    assert places.folder() == here


@pytest.mark.parametrize("planted", ["link", "file"])
def test_what_is_no_folder_of_the_user_is_refused(machine: Path, planted: str):
    path = machine / f"raykd-{os.getuid()}"
    if planted == "link":
        (machine / "elsewhere").mkdir()
        path.symlink_to(machine / "elsewhere")
    else:
        path.touch()
    with pytest.raises(NotPermittedError):
        places.folder()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
def test_a_folder_of_another_user_is_refused(machine: Path):
    os.chown(places.folder(), 12345, 12345)
    with pytest.raises(NotPermittedError, match="is user 12345's or no folder"):
        places.folder()


def test_the_token_is_made_once_and_read_by_the_user_alone():
    path = places.token()
    first = path.read_text()
    assert (len(first), mode(path)) == (64, 0o600)
    path.chmod(0o644)
    assert (places.token().read_text(), mode(path)) == (first, 0o600)


def test_two_users_have_different_ports_that_linux_gives_to_nobody():
    ada, bob = places.ports("ada"), places.ports("bob")
    assert ada == places.ports("ada")
    assert not set(ada) & set(bob)
    assert all(20000 <= port < 32768 for port in (*ada, *bob))


def test_the_user_is_who_runs_it_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("LOGNAME", "somebody")
    assert places.user() != "somebody"
