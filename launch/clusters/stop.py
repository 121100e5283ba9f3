"""Ends the Ray of this cluster on a machine, in the order of `ray stop`, and no other Ray that its user runs there.

`ray stop` ends them all, a search that started its own Ray included. This cluster's has `RAY_TMPDIR` to itself.
Ports that are given must be free then, for the Ray that starts next: of one that is not, Ray 2.60 says that it has
timed out, or that there is a bug in Ray.
"""

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from ray.scripts import scripts

psutil = vars(scripts)["psutil"]  # Ray's own


def ours(process: Any, folder: str) -> bool:
    """Whether a process was started with this folder for temporary files; its command line or environment has it."""
    try:
        return any(f"{folder}/" in word for word in process.cmdline()) or process.environ().get("RAY_TMPDIR") == folder
    except psutil.Error:  # gone, or another user's
        return False


def only_ours(every: Callable[..., Iterator[Any]], folder: str) -> Callable[..., Iterator[Any]]:
    return lambda *words: (process for process in every(*words) if ours(process, folder))


def taken(ports: list[int]) -> list[int]:
    """Those that another program has, some seconds after the stop too."""
    deadline = time.monotonic() + 5
    while (found := [port for port in ports if not is_free(port)]) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def is_free(port: int) -> bool:
    with socket.socket() as asker:
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asker.bind(("", port))
        except OSError:
            return False
    return True


def main() -> int:
    folder = os.environ["RAY_TMPDIR"]
    psutil.process_iter = only_ours(psutil.process_iter, folder)
    scripts.stop.main(args=[], standalone_mode=False)
    shutil.rmtree(f"{folder}/workers", ignore_errors=True)  # of raykd/cluster/ssh/heard.py
    if found := taken([int(port) for port in sys.argv[1:]]):
        sys.exit(
            f"error: port {found[0]} of {socket.gethostname()} is another program's; give the cluster four others, "
            f"such as `first_port: {found[0] // 4 * 4 + 400}` below `provider` in its file"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
