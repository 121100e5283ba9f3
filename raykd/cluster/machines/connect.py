"""Joins the Ray cluster that raykd was started on, or starts one of its own."""

import contextlib
import errno
import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ray
from ray._private import worker as ray_worker
from ray._private.node import Node
from ray._private.services import find_bootstrap_address

from raykd.cluster import SETTINGS
from raykd.errors import InvalidError, UnreachableError

_KNOCK_S = 7.0  # each for a connection and for an answer
_SOCKET_BYTES = 107  # a name's most, without the 0 at its end
_SOCKET = "/ray/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"  # the longest, with a process's number
# HTTP/2's greeting of a client with its settings, which are none; and where in a frame's head its kind stands.
_SETTINGS, _FRAME_BYTES, _KIND = 4, 9, 3
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0))


@contextlib.contextmanager
def connected(address: str | None, log: Path | None) -> Iterator[str]:
    """A connection to Ray for as long as the context lasts, with one line that says which.

    Args:
        address: of a cluster; `local` for one of our own; None for Ray's convention: `RAY_ADDRESS`, else the
            cluster that `ray start` left on this node, else one of our own.
        log: a file that gets what Ray would print; None lets it print.

    Raises:
        ConnectionError: no cluster answers there.
        ValueError: the folder for temporary files has too long a name for one of our own.
    """
    if ray.is_initialized():
        yield "uses the Ray that is already connected"
        return
    target = address or os.environ.get("RAY_ADDRESS") or find_bootstrap_address(None) or "local"
    if target == "auto":
        target = find_bootstrap_address(None) or target
    options = {} if log is None else {"log_to_driver": False, "logging_level": logging.ERROR}
    if target == "local":
        _check_sockets()
        _hand_over_secret()
        with _lean(forwards_logs=log is None):
            ray.init(address="local", include_dashboard=False, **options)
        line = f"started Ray on this machine with {_resources()}"
    else:
        try:
            _knock(target)
            ray.init(address=target, runtime_env={"env_vars": dict(SETTINGS)}, **options)
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
            raise UnreachableError(
                f"no Ray cluster answers at {target}: {reason}; --address local starts one"
            ) from None
        line = f"joined the Ray cluster at {target} with {_resources()}"
    try:
        with _redirected(log):
            yield line
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _lean(*, forwards_logs: bool) -> Iterator[None]:
    """Lets `ray.init` start Ray without three processes that a search does not use.

    They are the head of a dashboard that is not shown, a monitor of machines that nothing starts, and what brings the
    lines of workers to the driver. They take 2 s of CPU when they start, and Ray waits for the first of them then, and
    for all when it ends.

    Args:
        forwards_logs: whether the driver shows what workers say.
    """
    parts = ("start_api_server", "start_monitor", *(() if forwards_logs else ("start_log_monitor",)))
    before = {name: getattr(Node, name) for name in parts}
    try:
        for name in parts:
            setattr(Node, name, lambda self, **options: None)
        yield
    finally:
        for name, method in before.items():
            setattr(Node, name, method)


def _check_sockets() -> None:
    """Refuses a folder for temporary files in which Ray's sockets would have longer names than Linux allows.

    Raises:
        ValueError: it is so long, with what to set.
    """
    folder = os.environ.get("RAY_TMPDIR", os.environ.get("TMPDIR", "/tmp"))
    room = _SOCKET_BYTES - len(_SOCKET)
    if len(os.fsencode(folder)) > room:
        raise InvalidError(
            f"the folder for temporary files must have at most {room} letters, as Ray has its sockets below it, got "
            f"{len(os.fsencode(folder))} in {folder}; set RAY_TMPDIR=/tmp, or to another short one"
        )


def _hand_over_secret() -> None:
    """Gives Ray the secret by which its processes know each other, where the home folder cannot be written.

    Ray makes one up at its first start and keeps it in `~/.ray/auth_token`, or ends where it cannot. Its processes read
    the environment first, which they have of this one.
    """
    folder = Path("~/.ray").expanduser()
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ or (folder / "auth_token").exists():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _knock(address: str) -> None:
    """Refuses an address of nobody, or of no Ray, before Ray tries it.

    Ray itself tries for up to two minutes, more than six where a power cut left the address, with lines of its own on
    the terminal, and then ends the process. All that it has on a port speaks HTTP/2, whose servers send their settings
    first, whatever is asked.

    Raises:
        OSError: nothing listens there, or no Ray.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()) or "//" in host:  # whatever else Ray knows is Ray's to try
        return
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return
        connection.sendall(_HELLO)
        answer = connection.recv(_FRAME_BYTES, socket.MSG_WAITALL)
    if len(answer) < _FRAME_BYTES or answer[_KIND] != _SETTINGS:
        raise OSError(errno.EPROTO, "what listens there is not Ray")


@contextlib.contextmanager
def _redirected(log: Path | None) -> Iterator[None]:
    """Sends Ray's notices to a file. They come from a thread of Ray's own that asks no logger."""
    if log is None:
        yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    printed = ray_worker.print_to_stdstream
    with log.open("a") as file:
        ray_worker.print_to_stdstream = lambda data, **options: print(*data["lines"], sep="\n", file=file, flush=True)
        try:
            yield
        finally:
            ray_worker.print_to_stdstream = printed


def _resources() -> str:
    total = ray.cluster_resources()
    return f"{total.get('CPU', 0):g} CPUs and {total.get('GPU', 0):g} GPUs"
