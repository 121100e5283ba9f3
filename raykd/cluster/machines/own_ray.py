"""A Ray of a search's own, on this machine, that nobody else of the machine or the network reaches.

Ray puts its sockets, logs and sessions into `/tmp/ray`, which it opens to all users again at each start (mode 0777, no
sticky bit): whoever else is on the machine may rename a running session and put sockets of his own in its place, and
processes of Ray unpickle what comes from there. So a Ray of one's own lies in a folder that its user alone enters. And
it is told that this machine is 127.0.0.1: its servers listen on loopback alone then, and else on all addresses.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray._private.node import Node

from raykd.cluster.machines.closed_folder import closed_folder
from raykd.errors import FailureError, InvalidError, MissingError, one_line

_SOCKET_BYTES = 107  # a name's most, without the 0 at its end
_SOCKET = "/ray/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"  # the longest, with a process's number


def start_own_ray(*, forwards_logs: bool, **options: Any) -> None:
    """Starts Ray and connects to it.

    Args:
        forwards_logs: whether the driver shows what workers say.
        options: more of `ray.init`.

    Raises:
        ValueError: the folder for temporary files has too long a name.
        PermissionError: what should be the folder for Ray is another user's.
        RuntimeError: Ray does not come up, as on a machine that is far too busy.
    """
    folder = private_folder(Path(os.environ.get("RAY_TMPDIR", os.environ.get("TMPDIR", "/tmp"))))
    with _lean(forwards_logs=forwards_logs), _on_loopback():
        try:
            ray.init(address="local", include_dashboard=False, _temp_dir=str(folder / "ray"), **options)
        except Exception as error:
            if type(error) is not Exception:  # such a plain one says that Ray's own processes were not up within 30 s
                raise
            raise FailureError(
                f"Ray did not start on this machine in time ({one_line(error)}); {os.getloadavg()[0]:.0f} processes "
                f"want its {os.cpu_count()} CPUs, and its logs are in {folder}/ray/session_latest/logs: start again "
                "when there is less to do"
            ) from None


def private_folder(temporary: Path) -> Path:
    """The folder of this user's own for Ray, made where it is missing.

    Ray opens the folder that it is given to all: that is to be one in this one, which stays closed.

    Raises:
        ValueError: Ray's sockets would have longer names in it than Linux allows, with what to set.
        FileNotFoundError: there is no such folder for temporary files.
        PermissionError: there is another user's, or a link, in its place.
    """
    folder = temporary / f"ray-{os.geteuid()}"
    room = _SOCKET_BYTES - len(_SOCKET) - len(f"/{folder.name}")
    if len(os.fsencode(temporary)) > room:
        raise InvalidError(
            f"the folder for temporary files must have at most {room} letters, as Ray has its sockets below it, got "
            f"{len(os.fsencode(temporary))} in {temporary}; set RAY_TMPDIR=/tmp, or to another short one"
        )
    if not temporary.is_dir():
        raise MissingError(
            f"no folder {temporary} for temporary files, where Ray is to have its sockets; set TMPDIR or RAY_TMPDIR to "
            "one that is there, such as /tmp"
        )
    return closed_folder(folder)


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


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Lets `ray.init` take this machine for 127.0.0.1, as it does by itself on macOS and Windows.

    An option for it there is none: Ray takes a loopback address that it is given for the machine's other one.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
