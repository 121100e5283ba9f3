"""A search joins by itself what its own user has started, and nothing that others put in its way."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from users import NOBODY, give_to_nobody, listener_of_mine, listener_of_nobody

from raykd.cluster.machines import connect, whose
from raykd.cluster.machines.connect import connected
from raykd.cluster.machines.whose import owner_at, started_here


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `ray start` would leave an address."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(connect.ray, "is_initialized", lambda: False)
    (tmp_path / "ray").mkdir()
    return tmp_path / "ray" / "ray_current_cluster"


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], str]:
    """What a search would say, to which Ray is nothing but a line."""
    monkeypatch.setattr(connect, "start_own_ray", lambda **options: None)
    monkeypatch.setattr(connect, "hand_over_token", lambda: None)
    monkeypatch.setattr(connect, "close_token_file", lambda: None)
    monkeypatch.setattr(connect, "send_token", lambda: None)
    monkeypatch.setattr(connect, "_join", lambda address, **options: None)
    monkeypatch.setattr(connect.ray, "shutdown", lambda: None)
    monkeypatch.setattr(connect, "_resources", lambda: "2 CPUs")

    def said(address: str | None = None) -> str:
        with connected(address, None) as told:
            return told

    return said


STARTED = "started Ray on this machine with 2 CPUs"


def test_ones_own_is_joined(file: Path, line: Callable[..., str]):
    with listener_of_mine() as address:
        file.write_text(address + "\n")
        assert line() == f"joined your Ray cluster at {address} with 2 CPUs"
        assert line("local") == STARTED


def test_there_is_none(file: Path, line: Callable[..., str]):
    assert started_here() is None
    assert line() == STARTED


def test_another_users_is_left_alone_unless_any_will_do(file: Path, line: Callable[..., str]):
    """He has put the file there, as everybody may, and listens at the address."""
    with listener_of_nobody() as address:
        file.write_text(address)
        give_to_nobody(file)
        left = f"nobody's Ray cluster at {address}"
        assert line() == f"{STARTED}; {left} is left alone, --address auto joins it"
        assert line("auto") == line(address) == f"joined {left} with 2 CPUs"


def test_an_address_of_ones_own_that_another_listens_at_by_now(file: Path, line: Callable[..., str]):
    with listener_of_nobody() as address:
        file.write_text(address)
        assert line() == f"{STARTED}; nobody's Ray cluster at {address} is left alone, --address auto joins it"


def test_a_file_of_anothers_that_names_ones_own(file: Path, line: Callable[..., str]):
    with listener_of_mine() as address:
        file.write_text(address)
        give_to_nobody(file)
        assert line().startswith(f"{STARTED}; your Ray cluster at {address} is left alone")


def test_a_link_is_not_followed(file: Path, line: Callable[..., str], tmp_path: Path):
    with listener_of_mine() as address:
        (tmp_path / "elsewhere").write_text(address)
        file.symlink_to(tmp_path / "elsewhere")
        assert line() == STARTED


@pytest.mark.parametrize("text", [b"", b"auto", b"\xff" * 5000, b"local", b"10.0.0.1"])
def test_what_is_no_address(text: bytes, file: Path, line: Callable[..., str]):
    file.write_bytes(text)
    assert line() == STARTED


def test_what_is_no_file(file: Path, line: Callable[..., str]):
    os.mkfifo(file)
    assert line() == STARTED
    file.unlink()
    file.mkdir()
    assert line() == STARTED


def test_ones_own_that_is_dead_is_one_line(file: Path, line: Callable[..., str]):
    file.write_text("127.0.0.1:1")
    with pytest.raises(ConnectionError, match=r"no Ray cluster answers at 127\.0\.0\.1:1: Connection refused; --add"):
        line()


def test_anothers_that_is_dead_is_nothing(file: Path, line: Callable[..., str]):
    file.write_text("127.0.0.1:1")
    give_to_nobody(file)
    assert line() == STARTED


def test_a_head_elsewhere_is_ones_own_by_the_raylet_here(
    file: Path, line: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    """`ray start --address` leaves the head's address on each machine."""
    file.write_text("192.0.2.1:6379")
    monkeypatch.setattr(whose, "_raylets", lambda: iter([("192.0.2.1:6379", os.geteuid())]))
    assert line() == "joined your Ray cluster at 192.0.2.1:6379 with 2 CPUs"
    monkeypatch.setattr(whose, "_raylets", lambda: iter([("192.0.2.1:6379", NOBODY), ("192.0.2.2:6379", 0)]))
    assert owner_at("192.0.2.1:6379") is None


def test_any_must_be_one(file: Path, line: Callable[..., str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(whose, "_raylets", lambda: iter([]))
    with pytest.raises(ConnectionError, match="no Ray runs on this machine; --address local starts one"):
        line("auto")
    with listener_of_mine() as one, listener_of_mine() as two:
        monkeypatch.setattr(whose, "_raylets", lambda: iter([(one, 0), (two, 0), (two, 0)]))
        with pytest.raises(ConnectionError, match="several Rays run on this machine, name one by --address: your Ray"):
            line("auto")
        file.write_text(two)
        assert line("auto") == f"joined your Ray cluster at {two} with 2 CPUs"


def test_what_raylets_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By the real table of processes; there may be some of other tests."""
    assert all(isinstance(owner, int) and ":" in address for address, owner in whose._raylets())
