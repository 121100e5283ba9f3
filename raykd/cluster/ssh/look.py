"""Looks, before Ray begins to try again and again, whether a machine can be logged in to and has what is needed."""

import functools
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from raykd.errors import FailureError, MissingError, UnreachableError

_PATIENCE_S = 20
_NO_LOGIN = 255  # what `ssh` ends with where it did not come to run the command
# Each line that it prints is something that the machine lacks.
_NEEDS = """
for name in bash rsync flock; do command -v $name > /dev/null || echo $name; done
for python in {here}/bin/python python3; do
    "$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && exit 0
done
echo 'Python 3.11 or newer with venv'
"""


@functools.cache  # `ray submit` asks twice
def look(options: Sequence[str], user: str, host: str) -> None:
    """Passes where `ray` commands will find all that they need.

    Args:
        options: of `ssh`, as Ray logs in with.

    Raises:
        MissingError: this machine has no `ssh` or `rsync`.
        UnreachableError: nobody answers there, or lets this user in without a password.
        FailureError: the machine lacks a program.
    """
    if missing := [name for name in ("ssh", "rsync") if shutil.which(name) is None]:
        raise MissingError(
            f"this machine lacks {' and '.join(missing)}; on Debian: apt-get install openssh-client rsync"
        )
    needs = shlex.quote(_NEEDS.format(here=shlex.quote(sys.prefix)))
    call = ["ssh", *options, "-o", "BatchMode=yes", f"{user}@{host}", f"sh -c {needs}"]
    try:
        asked = subprocess.run(
            call, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"ssh {user}@{host} does not answer within {_PATIENCE_S} s") from None
    if asked.returncode == _NO_LOGIN:
        raise UnreachableError(_advice(asked.stderr, user, host))
    if lacks := asked.stdout.split("\n")[:-1]:
        raise FailureError(
            f"{host} lacks {', '.join(lacks)}; on Debian: apt-get install rsync util-linux python3 python3-venv"
        )


def _advice(said: str, user: str, host: str) -> str:
    """What to do, by the last line of what `ssh` said."""
    last = said.strip().splitlines()[-1] if said.strip() else "no reason given"
    if "Connection refused" in last:
        return f"nobody listens for SSH at {host}; start sshd there, on Debian: apt-get install openssh-server"
    if "Permission denied" in last or "Too many authentication failures" in last:
        return (
            f"{host} does not let {user} in without a password; ssh-keygen -t ed25519 makes a key, "
            f"ssh-copy-id {user}@{host} takes it there; the cluster file's auth may name another user and key"
        )
    return f"ssh {user}@{host} fails: {last}"
