"""The main job: `python launch/tune.py` after the installation, on the machine that this runs on.

Claim: on 2 CPU cores the search of the default study (all four methods in the space), its teachers and its confirmation
over five fresh seeds take at most five minutes. What each search found is said by its last line; how good what searches
find is, `search_quality.py` measures.

    python benchmarks/main_job.py [--repeats N] [--save]

Memory is the largest sum, over samples half a second apart, of what all processes of the job take: the driver, Ray's
own and the workers'. It counts a page that n processes share as 1/n of a page in each (PSS, from Linux's
smaps_rollup), the object store among them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas
from processes import become_subreaper, descendants, memory
from record import Record, spread

ROOT = Path(__file__).resolve().parents[1]
_SAMPLE_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="searches, with seeds 0, 1, ...")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    become_subreaper()
    record, seconds, peaks = Record("main_job"), list[float](), list[float]()
    for seed in range(options.repeats):
        with tempfile.TemporaryDirectory() as storage:
            took, peak = _search(Path(storage), seed)
            found = _found(Path(storage) / "main")
        seconds.append(took)
        peaks.append(peak / 2**30)
        record.say(f"seed {seed}: {took:.0f} s, peak memory {peak / 2**30:.2f} GiB; {found}")
    record.say(f"peak memory of all processes, GiB: {spread(peaks, 2)}")
    record.say(f"seconds: {spread(seconds, 0)}")
    if options.save:
        record.save()


def _search(storage: Path, seed: int) -> tuple[float, int]:
    """The seconds of a search, and its peak memory in bytes."""
    command = [sys.executable, "launch/tune.py", "--address", "local"]
    begun = time.monotonic()
    with (storage / "output").open("w") as output:
        job = subprocess.Popen(
            [*command, "--seed", str(seed), "--storage", str(storage), "--name", "main"], cwd=ROOT, stdout=output
        )
        peak = 0
        while job.poll() is None:
            peak = max(peak, sum(map(memory, descendants(job.pid))))
            time.sleep(_SAMPLE_S)
    if job.returncode:
        raise SystemExit(f"the search ended with {job.returncode}:\n{(storage / 'output').read_text()}")
    return time.monotonic() - begun, peak


def _found(folder: Path) -> str:
    """How the trials ended, and the search's last line."""
    frame: Any = pandas.read_csv(folder / "trials.csv")
    states = ", ".join(f"{count} {kind}" for kind, count in frame["outcome"].value_counts().items())
    return f"{len(frame)} trials: {states}; {json.loads((folder / 'summary.json').read_text())['verdict']}"


if __name__ == "__main__":
    main()
