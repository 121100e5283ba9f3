"""What every benchmark writes: the machine, the versions and the command, then its lines, kept with `--save`."""

import datetime
import importlib.metadata
import os
import platform
import shlex
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from raykd.storage.atomic import write_text

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("torch", "ray", "optuna", "faiss-gpu", "faiss-cpu")


class Record:
    """Lines that are printed as they come, and kept in `benchmarks/results/NAME-DATE.txt` by `save`.

    Args:
        name: of the benchmark.
    """

    def __init__(self, name: str):
        self._name, self._date, self._lines = name, datetime.date.today().isoformat(), list[str]()
        self._file: Path | None = None
        self.say(f"{name}, {self._date}")
        self.say(f"command: python {shlex.join([f'benchmarks/{Path(sys.argv[0]).name}', *sys.argv[1:]])}")
        self.say(f"machine: {os.cpu_count()} x {_processor()}, {_memory_gib():.0f} GiB, {_gpu()}")
        self.say(f"versions: Python {platform.python_version()}, {', '.join(_versions())}")

    def say(self, line: str) -> None:
        self._lines.append(line)
        print(line, flush=True)

    def save(self) -> Path:
        """Keeps what was said until now; a second record of the same day gets a number, so that none is overwritten."""
        if self._file is None:
            names = [f"{self._name}-{self._date}.txt", *(f"{self._name}-{self._date}-{n}.txt" for n in range(2, 100))]
            self._file = next(RESULTS / name for name in names if not (RESULTS / name).exists())
        write_text(self._file, "\n".join(self._lines) + "\n")
        return self._file


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Median, smallest and largest of some values, and how many there are."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"median {middle} ({low} to {high}, n = {len(values)})"


def _versions() -> list[str]:
    found: list[str] = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
