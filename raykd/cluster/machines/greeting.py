"""What a Ray cluster says of itself, asked before this process joins it: Ray's own answers are pages of tracebacks."""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray._common.usage.usage_lib import get_cluster_metadata
from ray._private.services import get_node_to_connect_for_driver
from ray._private.utils import check_version_info, compute_version_info
from ray._raylet import GcsClient  # pyright: ignore[reportAttributeAccessIssue]
from ray.exceptions import AuthenticationError, RayError

from raykd.cluster.machines.sockets import split_address, user_name
from raykd.errors import NotPermittedError, UnreachableError

_KNOCK_S = 7.0  # each for a connection and for an answer
_NODE_S = 10  # for a raylet of this machine to be known to the cluster
# HTTP/2's greeting of a client with its settings, which are none; and where in a frame's head its kind stands.
_SETTINGS, _FRAME_BYTES, _KIND = 4, 9, 3
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0))
_LOCAL = "--address local starts one"


def knock(address: str) -> None:
    """Refuses an address of nobody, or of no Ray, before Ray tries it.

    Ray itself tries for up to two minutes, more than six where a power cut left the address, with lines of its own on
    the terminal, and then ends the process. All that it has on a port speaks HTTP/2, whose servers send their settings
    first, whatever is asked.

    Raises:
        OSError: nothing listens there, or no Ray.
    """
    if (place := split_address(address)) is None:  # whatever else Ray knows is Ray's to try
        return
    with socket.create_connection(place, timeout=_KNOCK_S) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return
        connection.sendall(_HELLO)
        answer = connection.recv(_FRAME_BYTES, socket.MSG_WAITALL)
    if len(answer) < _FRAME_BYTES or answer[_KIND] != _SETTINGS:
        raise OSError(errno.EPROTO, "what listens there is not Ray")


def greet(address: str, *, must_be_mine: bool) -> None:
    """Refuses a cluster that this process could not join, or should not.

    Args:
        must_be_mine: whether the sockets that the driver would be sent to must be this user's, too.

    Raises:
        ConnectionError: it asks for another token, has other versions, or no part of it runs on this machine.
        PermissionError: the sockets are another user's.
    """
    if "://" in address:  # a Ray Client, which asks by itself
        return
    try:
        with _unsaid():
            client = GcsClient(address=address)
            versions = get_cluster_metadata(client)
    except AuthenticationError:
        raise UnreachableError(wrong_token(address)) from None
    except RayError as error:
        raise UnreachableError(
            f"the Ray cluster at {address} does not answer: {_first_line(error)}; {_LOCAL}"
        ) from None
    try:
        check_version_info(versions, "the driver")
    except RuntimeError:
        raise UnreachableError(wrong_versions(address, versions)) from None
    try:
        node = get_node_to_connect_for_driver(client, timeout_seconds=_NODE_S)
    except RuntimeError:
        raise UnreachableError(
            f"this machine is no part of the Ray cluster at {address}: start the search on one that is, send it there "
            f"by `ray job submit`, or join it by `ray start --address={address}`; {_LOCAL}"
        ) from None
    if must_be_mine:
        check_sockets([Path(node.raylet_socket_name), Path(node.object_store_socket_name)])


@contextlib.contextmanager
def _unsaid() -> Iterator[None]:
    """Keeps what Ray's C++ writes to standard error by itself, whose errors are raised too, off the terminal."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def check_sockets(sockets: list[Path]) -> None:
    """Refuses sockets that lie in a session of another user's.

    Raises:
        PermissionError: whose they are.
    """
    for path in (*sockets, *{path.parent for path in sockets}, *{path.parents[1] for path in sockets}):
        if (owner := path.lstat().st_uid) != os.geteuid():
            raise NotPermittedError(
                f"{path} is {user_name(owner)}'s, and would be taken for a part of your Ray: --address auto joins it "
                f"all the same, --address local starts one of your own"
            )


def wrong_token(address: str) -> str:
    """One line for a cluster that does not let this process in."""
    return (
        f"the Ray cluster at {address} asks for a token that is not this user's: RAY_AUTH_MODE=token sends the one in "
        f"~/.ray/auth_token or RAY_AUTH_TOKEN, which must be the cluster's; {_LOCAL}"
    )


def wrong_versions(address: str, versions: dict[str, Any]) -> str:
    """One line for a cluster of other versions; Ray would give its pages for it."""
    here_ray, here_python, *_ = compute_version_info()
    return (
        f"the Ray cluster at {address} has Ray {versions['ray_version']} on Python {versions['python_version']}, and "
        f"this is Ray {here_ray} on Python {here_python}: both must be the same; {_LOCAL}"
    )


def _first_line(error: BaseException) -> str:
    with contextlib.suppress(IndexError):
        return str(error).splitlines()[0]
    return type(error).__name__
