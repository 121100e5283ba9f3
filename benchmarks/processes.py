"""The processes of a job that is measured or disturbed, from Linux's /proc."""

import contextlib
import ctypes
import os
from pathlib import Path

_BECOME_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_TICKS = os.sysconf("SC_CLK_TCK")


def become_subreaper() -> None:
    """What a child detaches or leaves behind becomes a child of this process, and is found below it."""
    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1)


def reap_others(job: int) -> None:
    """Takes note of all processes below this one that have ended, except for a job's own, whose status is its owner's.

    What a subreaper adopts and does not reap stays a zombie, which looks alive to whoever waits for its end.
    """
    ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with contextlib.suppress(ChildProcessError):  # there is none left
        while (found := os.waitid(os.P_ALL, 0, ended)) is not None and found.si_pid != job:
            os.waitpid(found.si_pid, 0)


def descendants(job: int) -> set[int]:
    """A job's process and all that it started, also what has been detached from it since `become_subreaper`."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    found = {job}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found or parent == os.getpid()} - found
        if not more:
            return found
        found |= more


def cpu_time(pid: int) -> tuple[tuple[int, int], float] | None:
    """A process, known by its number and when it began, and its own CPU seconds; None where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (pid, int(fields[19])), (int(fields[11]) + int(fields[12])) / _TICKS


def title(pid: int) -> str:
    """A process's command line; Ray writes an actor's class there. Empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def memory(pid: int) -> int:
    """A process's share of the memory that it uses (PSS), in bytes."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
