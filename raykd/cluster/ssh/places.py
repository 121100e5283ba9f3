"""Where a user's clusters have what is theirs alone: a folder for temporary files, a token, ports."""

import os
import pwd
import secrets
import zlib
from pathlib import Path

from raykd.cluster.machines.closed_folder import closed_folder

HOME = "~/.raykd"  # on each machine: source, environment, token
TOKEN = f"{HOME}/token"
# Of 4 ports each, below those that Linux gives to connections (32768), above those of Ray's workers (19999).
_FIRST_PORT, _NUM_PLACES, _PORTS_EACH = 20000, 3000, 4


def user() -> str:
    """The name of who runs this, as the machine knows it: `$USER` may be another's after `su`."""
    return pwd.getpwuid(os.getuid()).pw_name


def folder() -> Path:
    """A folder for temporary files on this machine that is this user's alone; made where it is not there.

    Raises:
        PermissionError: there is another user's, or no folder, in its place.
    """
    name = f"raykd-{os.getuid()}"
    above = Path(os.environ.get("RAY_TMPDIR", "/tmp"))
    place = above if above.name == name else above / name  # the head's Ray has it as its RAY_TMPDIR
    return closed_folder(place)


def token() -> Path:
    """The file with the secret by which this user's clusters know who may come in, readable by the user alone."""
    path = Path(TOKEN).expanduser()
    path.parent.mkdir(exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        return path
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    return path


def ports(name: str, first: int | None = None) -> tuple[int, int, int, int]:
    """Of a user's Ray: of the cluster, its dashboard, Ray's client server, and the agent that starts jobs.

    By the name, so that the machines of a cluster, where a user may have other numbers, agree, and that two users of a
    machine do not meet but by chance (1 in 3,000), which launch/clusters/stop.py finds out.

    Args:
        first: of four, where the cluster file chooses them.
    """
    if first is None:
        first = _FIRST_PORT + zlib.crc32(name.encode()) % _NUM_PLACES * _PORTS_EACH
    return first, first + 1, first + 2, first + 3
