"""What a cluster's head hears from a worker that it sets up, in a file, for whoever waits for that worker.

Ray's autoscaler mixes the words of all workers with its own, and for machines of one's own it gives up one that has
failed for good, without a word to `ray up`.
"""

import re
from pathlib import Path

from raykd.cluster.ssh.places import folder

_FOLDER = "workers"  # emptied by launch/clusters/stop.py
_FAILED = ".failed"
_OF_SSH = re.compile(r"Shared connection to .* closed\.|Warning: Permanently added .*|Connection to .* closed\.?")
_ENDS = re.compile(r"[\r\n]+")  # a terminal's, and those of pip's progress
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_NUM_LINES = 5


def file_for(host: str) -> Path:
    """Where the words of the worker's present command go."""
    path = folder() / _FOLDER / host
    path.parent.mkdir(exist_ok=True)
    return path


def has_joined(host: str) -> None:
    file_for(host).unlink(missing_ok=True)


def has_failed(host: str) -> None:
    path = file_for(host)
    path.touch()
    path.replace(path.with_name(path.name + _FAILED))


def failures() -> dict[str, list[str]]:
    """The last lines of each worker that has been given up."""
    found = sorted((folder() / _FOLDER).glob(f"*{_FAILED}"))
    return {path.name.removesuffix(_FAILED): last_lines(path) for path in found}


def at_work() -> str:
    """The worker that has spoken last, and its last words; "" where none is being set up or none has spoken."""
    found = [path for path in (folder() / _FOLDER).glob("*") if not path.name.endswith(_FAILED)]
    latest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
    lines = last_lines(latest) if latest else []
    return f"{latest.name}: {lines[-1]}" if latest and lines else ""


def last_lines(path: Path) -> list[str]:
    """What a machine has said last, without the words of `ssh` itself."""
    lines = [line.strip() for line in _ENDS.split(_COLOURS.sub("", path.read_text(errors="replace")))]
    return [line for line in lines if line and not _OF_SSH.fullmatch(line)][-_NUM_LINES:]
