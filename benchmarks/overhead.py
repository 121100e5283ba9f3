"""What a search costs beside its training: until it says something, until its first epoch has ended, and in all.

Claim: with two slots on two cores, both quiet, the first epoch of the first trial has ended 20 s after the command was
given, 8 s where `ray start` has left a cluster on the machine, and the fixed cost is at most 25 s.

    python benchmarks/overhead.py [--repeats N] [--save]

Each search is a process, `python -m raykd tune`, of a study with scikit-learn's digits: a teacher of two epochs, and
six trials of two epochs, a fraction of a second each. Cold is Ray of the search's own, warm a cluster that `ray start`
has left and another search has used; they take turns. The first word is the first line that is written; the first
epoch is there when it stands in a trial's `epochs.jsonl`. The fixed cost is the time from the command to its end
without that between the first trial's begin and the last epoch's end; the teacher's training is within it. CPU is that
of all processes of the search, and in a warm cluster of what the cluster's own took meanwhile; each is seen every
0.1 s, so that what a process takes at its very end is missed. Where other work shares the machine, seconds are worth
little, and CPU-seconds up to a quarter too many. The last line is the median fixed cost of a cold search.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from processes import become_subreaper, cpu_time, descendants, title
from record import Record, spread

STUDY = """
from optuna.distributions import FloatDistribution
from raykd import Recipe, Study, Teacher
from raykd.data.digits import Digits
from raykd.models.cnn import CNN
from raykd.optim import SGD, Cosine

optimiser = SGD(schedule=Cosine())
teacher = Teacher(model=CNN(widths=(16, 32, 64)), epochs=2, every=1, batch_size=64, optimiser=optimiser)
student = CNN(widths=(4, 8, 12))
recipe = Recipe(data=Digits(), student=student, teacher=teacher, optimiser=optimiser, epochs=2, batch_size=64)
study = Study(recipe=recipe, ranges={"optimiser/lr": FloatDistribution(0.01, 0.1)}, trials=4, grace=2, confirm=0)
"""
SAMPLE_S = 0.1


@dataclass
class Cost:
    """One search: seconds since the command, and CPU-seconds of all processes until then.

    Args:
        cpu: by kind of process, how many of it there were and what they took together.
    """

    word: float = 0.0
    begun: float = 0.0
    epoch: tuple[float, float] = (0.0, 0.0)
    last: float = 0.0
    whole: tuple[float, float] = (0.0, 0.0)
    cpu: dict[str, tuple[int, float]] = field(default_factory=dict)

    @property
    def fixed(self) -> float:
        return self.whole[0] - (self.last - self.begun)


class Processes:
    """All that this process has started, and what each of them has taken since the first look."""

    def __init__(self) -> None:
        self._before = {pid: _cpu(pid) for pid in descendants(os.getpid())}
        self._taken: dict[int, float] = {}
        self._kinds: dict[int, str] = {}

    def look(self) -> float:
        """CPU-seconds of all of them."""
        for pid in descendants(os.getpid()) - {os.getpid()}:
            taken = _cpu(pid) - self._before.get(pid, 0.0)
            self._taken[pid] = max(taken, self._taken.get(pid, 0.0))  # of one that has ended there is nothing to read
            self._kinds[pid] = _kind(title(pid)) or self._kinds.get(pid, "")
        return sum(self._taken.values())

    def by_kind(self) -> dict[str, tuple[int, float]]:
        found = defaultdict[str, list[float]](list)
        for pid, taken in self._taken.items():
            found[self._kinds[pid] or "too short to see"].append(taken)
        return {kind: (len(all_of), sum(all_of)) for kind, all_of in found.items()}


def _cpu(pid: int) -> float:
    found = cpu_time(pid)
    return found[1] if found else 0.0


def _kind(command: str) -> str:
    if command.startswith("ray::"):
        return command.split()[0].removeprefix("ray::").split(".")[0]
    words = [Path(word).name for word in command.split()]
    names = ("gcs_server", "raylet", "dashboard.py", "monitor.py", "log_monitor.py", "agent.py", "main.py")
    return next(
        (name for name in names if name in words), "driver" if "raykd" in words else "starting" if words else ""
    )


def search(folder: Path, study: Path, *words: str) -> Cost:
    """Runs one in a folder that has none."""
    command = [sys.executable, "-m", "raykd", "tune", "--study", str(study), "--slots", "2", "--name", "search", *words]
    cost, processes, begun = Cost(), Processes(), time.monotonic()
    job = subprocess.Popen([*command, "--storage", str(folder)], stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None
    lines: list[str] = []

    def read(output: Iterator[str]) -> None:
        for line in output:
            cost.word = cost.word or time.monotonic() - begun
            lines.append(line)

    reader = threading.Thread(target=read, args=(job.stdout,))
    reader.start()
    epochs = 0
    while job.poll() is None:
        cpu, now = processes.look(), time.monotonic() - begun
        trials = [*folder.glob("search/trials/*/recipe.json")]
        written = sum(file.read_text().count("\n") for file in folder.glob("search/trials/*/epochs.jsonl"))
        cost.begun = cost.begun or (now if trials else 0.0)
        if written and not epochs:
            cost.epoch = now, cpu
        if written > epochs:
            epochs, cost.last = written, now
        time.sleep(SAMPLE_S)
    cost.whole = time.monotonic() - begun, processes.look()
    cost.cpu = processes.by_kind()
    reader.join()
    if job.returncode:
        raise SystemExit(f"the search ended with {job.returncode}:\n{''.join(lines)}")
    return cost


@contextlib.contextmanager
def cluster(folder: str) -> Iterator[str]:
    """What `ray start` leaves, as long as it lasts; its address."""
    options = ["--head", "--block", "--port=0", f"--num-cpus={os.cpu_count()}", "--include-dashboard=false"]
    environment = os.environ | {"RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options]
    head = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = Path(folder) / "ray" / "ray_current_cluster"
    while not address.exists():
        assert head.poll() is None, "ray start does not come up"
        time.sleep(SAMPLE_S)
    yield address.read_text().strip()
    head.terminate()
    head.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="of either kind (default: 5)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    become_subreaper()
    os.environ["RAY_AUTH_MODE"] = "disabled"  # else the cluster asks for a token
    record, costs = Record("overhead"), dict[str, list[Cost]](cold=[], warm=[])
    record.say(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="rk", dir="/tmp") as folder:  # short: sockets below it may have 107 letters
        study = Path(folder) / "overhead_study.py"
        study.write_text(STUDY)
        with cluster(folder) as address:
            search(Path(folder) / "first", study, "--address", address)
            for number in range(options.repeats):
                for kind, words in (("cold", "local"), ("warm", address)):
                    costs[kind].append(search(Path(folder) / f"{kind}{number}", study, "--address", words))
    for kind, all_of in costs.items():
        record.say(f"{kind}, seconds to the first word: {spread([one.word for one in all_of], 1)}")
        record.say(f"{kind}, seconds to the first epoch: {spread([one.epoch[0] for one in all_of], 1)}")
        record.say(f"{kind}, CPU-seconds to the first epoch: {spread([one.epoch[1] for one in all_of], 1)}")
        record.say(f"{kind}, seconds of the search: {spread([one.whole[0] for one in all_of], 1)}")
        record.say(f"{kind}, CPU-seconds of the search: {spread([one.whole[1] for one in all_of], 1)}")
        record.say(f"{kind}, seconds of fixed cost: {spread([one.fixed for one in all_of], 1)}")
        middle = sorted(all_of, key=lambda one: one.whole[1])[len(all_of) // 2]
        record.say(f"{kind}, processes of the search whose CPU is the median:")
        for name, (count, taken) in sorted(middle.cpu.items(), key=lambda entry: -entry[1][1]):
            record.say(f"    {count} x {name}: {taken:.1f} CPU-seconds")
    record.say(f"load of the machine after: {os.getloadavg()[0]:.1f}")
    record.say(f"{statistics.median(one.fixed for one in costs['cold']):.1f}")
    if options.save:
        record.save()


if __name__ == "__main__":
    main()
