"""What Ray would stumble over when it connects is refused in one line, or cleared away, before it tries."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from raykd.cluster.machines import connect
from raykd.cluster.machines.connect import connected


@pytest.fixture(autouse=True)
def _not_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of its own: other tests of the session have left a cluster up, which would be joined."""
    monkeypatch.setattr(connect.ray, "is_initialized", lambda: False)


SETTINGS_FRAME = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


@contextlib.contextmanager
def server(answer: bytes) -> Iterator[str]:
    """The address of a server that says the same to whoever comes, once it has heard something, and hangs up."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(answer)

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 505 No\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_what_listens_and_is_not_ray(answer: bytes, scheme: str):
    with (
        server(answer) as address,
        pytest.raises(ConnectionError, match=rf"{address}: what listens there is not Ray; --address local starts one$"),
        connected(scheme + address, None),
    ):
        raise AssertionError("it connected")


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_where_nobody_listens(scheme: str):
    with (
        pytest.raises(ConnectionError, match=r"no Ray cluster answers at .*:1: Connection refused; --address local"),
        connected(f"{scheme}127.0.0.1:1", None),
    ):
        raise AssertionError("it connected")


def test_what_listens_and_never_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connect, "_KNOCK_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionError, match="timed out"), connected(address, None):
            raise AssertionError("it connected")


def test_what_greets_as_ray_does_is_let_through():
    with server(SETTINGS_FRAME) as address:
        connect._knock(address)
        connect._knock(f"ray://{address}")


@pytest.mark.parametrize("variable", ["RAY_TMPDIR", "TMPDIR"])
def test_a_folder_too_long_for_rays_sockets(variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = f"/{'x' * 39}"
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv(variable, folder)
    with (
        pytest.raises(ValueError, match=rf"at most 39 letters, .* got 40 in {folder}; set RAY_TMPDIR=/tmp, or to"),
        connected("local", tmp_path / "ray.log"),
    ):
        raise AssertionError("it connected")


def test_a_folder_just_short_enough_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_TMPDIR", f"/{'x' * 38}")
    monkeypatch.setenv("TMPDIR", "x" * 200)  # Ray does not look there then
    connect._check_sockets()


# Ray's secret


@pytest.fixture
def without_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")  # so that it is as it was after the test
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)


@pytest.mark.parametrize("home", ["/dev/null", "/proc/none"])
def test_a_home_that_cannot_be_written_needs_no_secret_in_it(
    home: str, without_secret: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", home)
    connect._hand_over_secret()
    secret = os.environ["RAY_AUTH_TOKEN"]
    assert len(secret) == 64
    connect._hand_over_secret()
    assert os.environ["RAY_AUTH_TOKEN"] == secret


def test_a_home_that_can_be_written_is_left_to_ray(
    without_secret: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("HOME", str(tmp_path))
    connect._hand_over_secret()
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert list((tmp_path / ".ray").iterdir()) == []
