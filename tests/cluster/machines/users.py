"""Another user of the machine, where the tests may become one."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534  # has files and processes of its own on all Linux systems, and no rights


def skip_where_nobody_cannot_be_played() -> None:
    """Skips the test with a reason."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv, of util-linux")


def as_nobody(*call: str) -> list[str]:
    """The call, as that user; skips the test where there can be none, or where he may not start the program."""
    skip_where_nobody_cannot_be_played()
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=KILL"]
    if subprocess.run([*become, "test", "-x", call[0]], cwd="/").returncode != 0:
        pytest.skip(f"other users may not start {call[0]}")
    return [*become, *call]


@contextlib.contextmanager
def listener_of_nobody() -> Iterator[str]:
    """The address of a server of that user's on loopback, that answers nobody."""
    serve = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
    call = as_nobody("/usr/bin/env", "python3", "-c", f"{serve} time.sleep(600)")
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, cwd="/") as process:
        try:
            assert process.stdout is not None
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@contextlib.contextmanager
def listener_of_mine() -> Iterator[str]:
    """The address of a server of this process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def give_to_nobody(path: Path) -> None:
    """Makes a file or a link that user's; skips the test where it cannot."""
    skip_where_nobody_cannot_be_played()
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
