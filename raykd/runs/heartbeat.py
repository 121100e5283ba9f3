"""The sign of life that the driver of a search leaves in an object store again and again, as there are no locks."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from raykd.storage.layout import SIGN
from raykd.storage.mirror import Mirror

EVERY_S = 10.0
ALIVE_S = 60.0  # without a sign for so long a search elsewhere counts as dead; machines' clocks differ by far less


def leave(mirror: Mirror, folder: Path) -> None:
    """Says that this process runs the search in a folder, and lives."""
    sign = {"host": os.uname().nodename, "pid": os.getpid(), "time": time.time()}
    mirror.write(folder / SIGN, json.dumps(sign).encode())


def living(mirror: Mirror, folders: Iterable[Path]) -> dict[Path, dict[str, Any]]:
    """Of those searches whose driver lives the `host`, `pid` and `age` in seconds of its sign.

    A sign may lie in the future, where a clock has been set back since: it counts if another follows it, which is
    waited for, for all of them at once.
    """
    signs, ahead = dict[Path, dict[str, Any]](), dict[Path, bytes]()
    for folder in folders:
        if (text := mirror.read(folder / SIGN)) is None:
            continue
        sign: dict[str, Any] = json.loads(text)
        age = time.time() - sign["time"]
        is_gone = sign["host"] == os.uname().nodename and not _lives(sign["pid"])
        if is_gone or age >= ALIVE_S:
            continue
        signs[folder] = sign | {"age": max(0.0, age)}
        if age < -ALIVE_S:
            ahead[folder] = text
    if ahead:
        time.sleep(2 * EVERY_S)
    dead = {folder for folder, text in ahead.items() if mirror.read(folder / SIGN) == text}
    return {folder: sign for folder, sign in signs.items() if folder not in dead}


def refuse_running(mirror: Mirror, folder: Path) -> None:
    """Makes sure that no other process runs a search.

    Raises:
        RuntimeError: one does.
    """
    for sign in living(mirror, [folder]).values():
        raise RuntimeError(
            f"{mirror.at(folder)} is running already (process {sign['pid']} on {sign['host']}, heard of "
            f"{sign['age']:.0f} s ago; after {ALIVE_S:.0f} s it counts as dead); raykd stop ends it"
        )


def _lives(pid: int) -> bool:
    """Whether a process of this machine lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True
