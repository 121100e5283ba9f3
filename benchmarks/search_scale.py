"""Searches of 1,000 trivial trials through the whole stack: the cost of a trial after many others.

Claim: a trial after a thousand others costs what the first ones cost, but for the draw of Optuna's TPE, some
milliseconds, which grows up to the 500th trial and no further (cluster/tuner/sampler.py). The driver keeps some KiB of
each trial: its record (raykd/cluster/tuner/ended_trials.py) and its place in Optuna's study. What it writes of a trial
does not grow with those before it (raykd/runs/ledger.py).

    python benchmarks/search_scale.py [--trials N] [--searches N] [--save]

One slot, one epoch of one step a trial, nothing but the sampler's draw between them; each search has a process of its
own, which is its driver. The time per trial is the mean over the trials up to a mark since the mark before it; growth
is the time of the last tenth of a search over that of its first. What the driver writes is what it hands to the system
in calls of `write` (`wchar` in `/proc/PID/io`), most of it files. Medians over the searches; the last line is that of
the growth.
"""

import argparse
import itertools
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from optuna.distributions import FloatDistribution
from processes import become_subreaper, descendants, memory
from record import Record, spread

from raykd.cluster.tune import tune  # before Ray: it sets what Ray reads when it is imported

# isort: split
import torch
from ray import cloudpickle

from raykd.data import Augmentation, Split
from raykd.data.dataset import Dataset
from raykd.models.cnn import CNN
from raykd.protocols.event import Event, TrialEnded
from raykd.recipe import Recipe
from raykd.studies.study import Study
from raykd.teachers.trained import Teacher

MARKS = (10, 100, 250, 500, 750, 1000)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Thirty-two grey images of 8 x 8 pixels without meaning."""

    name: ClassVar[str] = "noise"

    def load(self) -> Dataset:
        stream = torch.Generator().manual_seed(0)
        splits = [
            Split(
                torch.randint(256, (32, 1, 8, 8), generator=stream, dtype=torch.uint8),
                torch.randint(4, (32,), generator=stream),
            )
            for _ in range(3)
        ]
        return Dataset(
            train=splits[0],
            validation=splits[1],
            test=splits[2],
            num_classes=4,
            mean=(0.5,),
            std=(0.3,),
            augmentation=Augmentation(),
        )


@dataclass(frozen=True)
class Measured:
    """One search.

    Args:
        ends: seconds at which its trials ended.
        memories: at each mark, of the driver and of all processes, in MiB.
        written: at each mark, by the driver until then, in KiB.
        disk: what it wrote, in bytes.
    """

    ends: list[float]
    memories: dict[int, tuple[float, float]]
    written: dict[int, float]
    disk: int

    def per_trial(self, first: int, last: int) -> float:
        """Milliseconds a trial from the end of the `first`, counted from 1, to that of the `last`."""
        return (self.ends[last - 1] - self.ends[first - 1]) / (last - first) * 1000

    @property
    def growth(self) -> float:
        count, tenth = len(self.ends), max(2, len(self.ends) // 10)
        return self.per_trial(count - tenth + 1, count) / self.per_trial(1, tenth)


def marks_of(trials: int) -> list[int]:
    return [*(mark for mark in MARKS if mark < trials), trials]


def search(trials: int) -> Measured:
    """Runs one; in a process of its own."""
    become_subreaper()
    cloudpickle.register_pickle_by_value(sys.modules[Noise.__module__])
    marks, ends, memories = marks_of(trials), list[float](), dict[int, tuple[float, float]]()
    written = dict[int, float]()

    def measure(event: Event) -> None:
        if not isinstance(event, TrialEnded):
            return
        ends.append(time.monotonic())
        if len(ends) in marks:
            everything = sum(map(memory, descendants(os.getpid())))
            memories[len(ends)] = memory(os.getpid()) / 2**20, everything / 2**20
            lines = Path("/proc/self/io").read_text().splitlines()
            written[len(ends)] = int(dict(line.split(": ") for line in lines)["wchar"]) / 2**10

    teacher = Teacher(model=CNN(widths=(4, 4)), epochs=1, batch_size=32)
    recipe = Recipe(data=Noise(), student=CNN(widths=(4, 4)), teacher=teacher, epochs=1, batch_size=32)
    study = Study(recipe=recipe, ranges={"optimiser/lr": FloatDistribution(0.01, 0.1)}, name="trivial", confirm=0)
    with tempfile.TemporaryDirectory() as folder:
        tune(study, trials=trials, slots=1, storage=folder, name="search", address="local", listeners=[measure])
        disk = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return Measured(ends[:trials], memories, written, disk)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000, metavar="N", help="of each search (default: 1000)")
    parser.add_argument("--searches", type=int, default=5, metavar="N", help="one after the other (default: 5)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record, done = Record("search_scale"), list[Measured]()
    marks, spawned = marks_of(options.trials), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned, max_tasks_per_child=1) as processes:
        for number in range(1, options.searches + 1):
            done.append(processes.submit(search, options.trials).result())
            times = [done[-1].per_trial(*pair) for pair in itertools.pairwise(marks)]
            record.say(
                f"search {number}: {', '.join(f'{time:.0f}' for time in times)} ms; growth {done[-1].growth:.2f}"
            )
    for before, mark in itertools.pairwise(marks):
        took = spread([one.per_trial(before, mark) for one in done], 0)
        driver, everything = (statistics.median(one.memories[mark][of] for one in done) for of in (0, 1))
        writes = spread([(one.written[mark] - one.written[before]) / (mark - before) for one in done], 0)
        record.say(
            f"trials {before + 1} to {mark}: {took} ms a trial, for which the driver writes {writes} KiB; at the end "
            f"it has {driver:.0f} MiB, all processes {everything:.0f} MiB"
        )
    first, last = marks[min(1, len(marks) - 2)], marks[-1]
    kept = [(one.memories[last][0] - one.memories[first][0]) / (last - first) * 1024 for one in done]
    record.say(f"of each trial after the {first}th the driver keeps {spread(kept, 1)} KiB")
    record.say(f"on the disk: {spread([one.disk / options.trials / 1024 for one in done], 0)} KiB a trial")
    growths = [one.growth for one in done]
    record.say(
        f"growth {statistics.median(growths):.2f} ({min(growths):.2f} to {max(growths):.2f}, n = {len(growths)})"
    )
    if options.save:
        record.save()


if __name__ == "__main__":
    main()
