"""What Ray would stumble over when it connects is refused in one line before it tries."""

import contextlib
import platform
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from users import give_to_nobody

from raykd.cluster.machines import connect, greeting
from raykd.cluster.machines.connect import connected
from raykd.cluster.machines.greeting import check_sockets, knock, wrong_versions


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
    monkeypatch.setattr(greeting, "_KNOCK_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionError, match="timed out"), connected(address, None):
            raise AssertionError("it connected")


def test_what_greets_as_ray_does_is_let_through():
    with server(SETTINGS_FRAME) as address:
        knock(address)
        knock(f"ray://{address}")


def test_other_versions_are_told_beside_ones_own():
    line = wrong_versions("10.0.0.1:6379", {"ray_version": "2.40.0", "python_version": "3.9.1"})
    here = f"this is Ray {ray.__version__} on Python {platform.python_version()}"
    assert line.startswith(f"the Ray cluster at 10.0.0.1:6379 has Ray 2.40.0 on Python 3.9.1, and {here}: ")
    assert line.endswith("; --address local starts one")


@pytest.fixture
def sockets(tmp_path: Path) -> list[Path]:
    """As in a session's folder; any files will do."""
    (tmp_path / "session" / "sockets").mkdir(parents=True)
    made = [tmp_path / "session" / "sockets" / name for name in ("raylet", "plasma_store")]
    for path in made:
        path.touch()
    return made


def test_sockets_of_ones_own(sockets: list[Path]):
    check_sockets(sockets)


@pytest.mark.parametrize("part", ["session", "session/sockets", "session/sockets/plasma_store"])
def test_sockets_that_another_has_put_there(part: str, sockets: list[Path], tmp_path: Path):
    give_to_nobody(tmp_path / part)
    with pytest.raises(PermissionError, match=rf"{part} is nobody's, and would be taken for a part of your Ray: --add"):
        check_sockets(sockets)
