"""A search of 1,000 trivial trials through the whole stack: the cost of a trial after many others.

Claim: the last tenth of a thousand trials takes at most half as long again as the first. What grows is what Tune does
with each of its trials, and the draw of Optuna's TPE, which reads 500 of them at most (raykd/cluster/sampler.py). The
driver keeps about 45 KiB of each trial, Tune's and Optuna's records of it.

    python benchmarks/search_scale.py [--trials N] [--save]

One search, one slot, one epoch of one step a trial, nothing but the sampler's draw between them; the driver runs in
this process. The time per trial is the mean over the trials up to a mark since the mark before it; the last line is
the time per trial of the last tenth over that of the first.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from optuna.distributions import FloatDistribution
from processes import become_subreaper, descendants, memory
from record import Record

from raykd.cluster.tune import tune  # before Ray: it sets what Ray reads when it is imported

# isort: split
import torch
from ray import cloudpickle

from raykd.data import Augmentation, Dataset, Split
from raykd.models.cnn import CNN
from raykd.progress import Progress
from raykd.recipe import Recipe
from raykd.study import Study
from raykd.teacher import Teacher

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000, metavar="N", help="of the search (default: 1000)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    become_subreaper()
    cloudpickle.register_pickle_by_value(__import__(__name__))
    record, ends = Record("search_scale"), list[float]()
    marks = {mark for mark in MARKS if mark < options.trials} | {options.trials}
    memories: dict[int, tuple[float, float]] = {}
    told = Progress.trial

    def trial(self: Progress, *arguments: Any, **named: Any) -> None:
        told(self, *arguments, **named)
        ends.append(time.monotonic())
        if len(ends) in marks:
            everything = sum(map(memory, descendants(os.getpid())))
            memories[len(ends)] = memory(os.getpid()) / 2**20, everything / 2**20

    Progress.trial = trial
    teacher = Teacher(model=CNN(widths=(4, 4)), epochs=1, batch_size=32)
    recipe = Recipe(data=Noise(), student=CNN(widths=(4, 4)), teacher=teacher, epochs=1, batch_size=32)
    study = Study(recipe=recipe, ranges={"optimiser/lr": FloatDistribution(0.01, 0.1)}, name="trivial")
    with tempfile.TemporaryDirectory() as folder:
        tune(study, trials=options.trials, slots=1, storage=folder, name="search", address="local")
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    before = 0
    for mark in sorted(marks):
        took = (ends[mark - 1] - ends[before]) / (mark - 1 - before)
        driver, everything = memories[mark]
        record.say(
            f"trials {before + 1} to {mark}: {took * 1000:.0f} ms a trial; at the end the driver has {driver:.0f} MiB, "
            f"all processes {everything:.0f} MiB"
        )
        before = mark
    record.say(f"on the disk: {size / options.trials / 1024:.0f} KiB a trial")
    tenth = max(2, options.trials // 10)
    first, last = ends[tenth - 1] - ends[0], ends[-1] - ends[-tenth]
    record.say(f"growth {last / first:.2f}")
    if options.save:
        record.save()


if __name__ == "__main__":
    main()
