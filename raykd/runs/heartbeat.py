"""The heartbeat that the driver of a search leaves again and again where machines have a folder each.

There are no locks in an object store. In a folder that all machines see a lock is enough, and no heartbeat is found.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from raykd.errors import FailureError
from raykd.storage.layout import HEARTBEAT
from raykd.storage.storage import Storage

EVERY_S = 10.0
ALIVE_S = 60.0  # without a heartbeat for so long a search elsewhere counts as dead; machines' clocks differ by far less


def beat(storage: Storage, folder: Path) -> None:
    """Says that this process runs the search in a folder, and lives."""
    last = {"host": os.uname().nodename, "pid": os.getpid(), "time": time.time()}
    storage.write(folder / HEARTBEAT, json.dumps(last).encode())


def find_living(storage: Storage, folders: Iterable[Path]) -> dict[Path, dict[str, Any]]:
    """Of those searches whose driver lives the `host`, `pid` and `age` in seconds of its last heartbeat.

    A heartbeat may lie in the future, where a clock has been set back since: it counts if another follows it, which is
    waited for, for all of them at once.
    """
    beats, ahead = dict[Path, dict[str, Any]](), dict[Path, bytes]()
    for folder in folders:
        if (text := storage.read(folder / HEARTBEAT)) is None:
            continue
        last: dict[str, Any] = json.loads(text)
        age = time.time() - last["time"]
        is_gone = last["host"] == os.uname().nodename and not _lives(last["pid"])
        if is_gone or age >= ALIVE_S:
            continue
        beats[folder] = last | {"age": max(0.0, age)}
        if age < -ALIVE_S:
            ahead[folder] = text
    if ahead:
        time.sleep(2 * EVERY_S)
    dead = {folder for folder, text in ahead.items() if storage.read(folder / HEARTBEAT) == text}
    return {folder: last for folder, last in beats.items() if folder not in dead}


def refuse_running(storage: Storage, folder: Path) -> None:
    """Makes sure that no other process runs a search.

    Raises:
        RuntimeError: one does.
    """
    for last in find_living(storage, [folder]).values():
        raise FailureError(
            f"{storage.shown(folder)} is running already (process {last['pid']} on {last['host']}, heard of "
            f"{last['age']:.0f} s ago; after {ALIVE_S:.0f} s it counts as dead); raykd stop ends it"
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
