"""What a command costs: the seconds that it takes, and the CPU seconds of all processes that it starts."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from processes import cpu_time, descendants, reap_others

_SAMPLE_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of wall time, and of CPU time of a command's own process and all below it."""

    wall: float
    cpu: float


def run_measured(command: Sequence[str], output: Path, environment: Mapping[str, str]) -> Cost:
    """Runs a command to its end; `become_subreaper` has been called, and this process has no other children.

    CPU time is read from /proc every 0.2 s, process by process, since a daemon whose parent does not wait for it is
    in nobody's sums: what a process uses after its last reading is missing, a tenth of a second for each on average.

    Args:
        output: the file that gets what it prints.
        environment: in addition to this process's own.

    Raises:
        SystemExit: it failed; with what it printed last.
    """
    used: dict[tuple[int, int], float] = {}
    begun = time.monotonic()
    with output.open("w") as file:
        job = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **environment}, start_new_session=True
        )
        while job.poll() is None:
            used |= cpu_seconds(job.pid)
            reap_others(job.pid)
            time.sleep(_SAMPLE_S)
    wall = time.monotonic() - begun
    if job.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {job.returncode}:\n{output.read_text()[-3000:]}")
    while len(descendants(job.pid)) > 1:  # daemons on their way out: theirs is no time that anybody waits for
        used |= cpu_seconds(job.pid)
        reap_others(job.pid)
        time.sleep(_SAMPLE_S)
    return Cost(wall=wall, cpu=sum(used.values()))


def cpu_seconds(job: int) -> dict[tuple[int, int], float]:
    """Of a process and all below it that are there now, the CPU seconds that each has used itself."""
    return dict(filter(None, map(cpu_time, descendants(job))))
