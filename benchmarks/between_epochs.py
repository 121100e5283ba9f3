"""How long a worker idles between two epochs of a trial, and which share of its time a slot computes.

Claim: a worker trains the next epoch while the last one is written and judged, so that from the end of one epoch's
computing to the begin of the next at most 3 ms pass (median), and slots compute at least 95 % of the time between their
first and their last step.

    python benchmarks/between_epochs.py [--trials N] [--epochs N] [--slots N] [--note TEXT] [--save]

A search of short epochs (digits, about 0.1 s each) with the stopping of trials on. The begin of each step is taken
inside the worker, by a term of the loss whose value is 0; how long an epoch computes (training and validation) is what
`epochs.jsonl` says. What passes between two epochs is from the first step of one to the first step of the next, less
what the one computed. An epoch that was trained ahead of a stop stands in no `epochs.jsonl`: its steps count as
computing in the one share, and as lost in the other.
"""

import argparse
import itertools
import json
import logging
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from optuna.distributions import FloatDistribution
from record import Record

from raykd.cluster.tune import tune  # before Ray: it sets what Ray reads when it is imported

# isort: split
import ray
from ray import cloudpickle

from raykd.data.digits import Digits
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.models.cnn import CNN
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Shapes, Term
from raykd.recipe import Recipe
from raykd.runs.trial import VALUES, read_epochs
from raykd.studies.study import Study
from raykd.teachers.trained import Teacher

_WEIGHT = "terms/stopwatch/weight"  # of a value of 0: searched, so that it tells the trials apart


@dataclass(frozen=True, kw_only=True)
class Stopwatch:
    """A term of value 0 that writes down when each step begins, in which process, and of which trial."""

    name: ClassVar[str] = "stopwatch"
    needs_teacher = False
    folder: str
    weight: float = 1.0

    def check(self, shapes: Shapes) -> None: ...

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _Stopwatch(self)


class _Stopwatch(Term):
    def __init__(self, spec: Stopwatch):
        super().__init__()
        self._weight = spec.weight
        self._file = Path(spec.folder) / str(os.getpid())
        self._file.touch()

    def forward(self, student: Any, teacher: Any, batch: Any, clock: Any) -> Any:
        with self._file.open("a") as lines:
            lines.write(f"{self._weight!r} {clock.epoch + 1} {time.time()}\n")
        return student.logits.new_zeros(())


@dataclass(frozen=True)
class _Trained:
    """An epoch that a worker trained, or began: times in seconds; `seconds` of one that was dropped is to its last
    step.
    """

    trial: float
    number: int
    begun: float
    seconds: float
    kept: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12, metavar="N", help="(default: 12)")
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="of a trial (default: 20)")
    parser.add_argument("--slots", type=int, default=2, metavar="N", help="trials at a time (default: 2)")
    parser.add_argument("--note", default="", help="what to say of this run, such as the commit that it measures")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record = Record("between_epochs")
    if options.note:
        record.say(options.note)
    cloudpickle.register_pickle_by_value(__import__(__name__))
    with tempfile.TemporaryDirectory() as folder:
        ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        slots = _search(Path(folder), options)
        ray.shutdown()
    record.say(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f}")
    everything = [epoch for epochs in slots for epoch in epochs]
    record.say(f"an epoch computes, ms: {_spread([1000 * epoch.seconds for epoch in everything if epoch.kept])}")
    record.say(f"between two epochs of a trial, ms: {_spread([gap for epochs in slots for gap in _gaps(epochs)])}")
    record.say(f"between two trials of a slot, ms: {_spread([gap for epochs in slots for gap in _changes(epochs)])}")
    record.say(f"epochs begun and dropped: {sum(not epoch.kept for epoch in everything)} of {len(everything)}")
    whole = sum(epochs[-1].begun + epochs[-1].seconds - epochs[0].begun for epochs in slots)
    record.say(f"share of the slots' time that told epochs took: {_share(everything, whole, dropped=False):.3f}")
    record.say(f"share busy {_share(everything, whole, dropped=True):.3f}")
    if options.save:
        record.save()


def _search(folder: Path, options: argparse.Namespace) -> list[list[_Trained]]:
    """What each slot trained, in order; the baselines, trained first, hold no stopwatch."""
    steps = folder / "steps"
    steps.mkdir()
    teacher = Teacher(model=CNN(widths=(16, 32, 64)), epochs=2, every=1)
    terms = (CrossEntropy(weight=0.1), KD(weight=0.9), Stopwatch(folder=str(steps)))
    data, student = Digits(), CNN(widths=(8, 16, 24))
    recipe = Recipe(data=data, student=student, teacher=teacher, terms=terms, epochs=options.epochs, batch_size=64)
    ranges = {"optimiser/lr": FloatDistribution(0.001, 0.1, log=True), _WEIGHT: FloatDistribution(0.0, 1.0)}
    study = Study(recipe=recipe, ranges=ranges, name="between", trials=options.trials, confirm=0)
    tune(study, slots=options.slots, storage=folder, name="search")
    told = dict(map(_told, (folder / "search" / "trials").iterdir()))
    # The worker that prepares the search builds the terms too, and takes no step.
    return [_trained(file.read_text().splitlines(), told) for file in steps.iterdir() if file.stat().st_size]


def _told(trial: Path) -> tuple[float, dict[int, float]]:
    """The seconds of each epoch that a trial has written down, by number."""
    values = json.loads((trial / VALUES).read_text())
    return values.get(_WEIGHT, -1.0), {record["number"]: record["seconds"] for record in read_epochs(trial)}


def _trained(lines: Sequence[str], told: Mapping[float, Mapping[int, float]]) -> list[_Trained]:
    steps = defaultdict[tuple[float, int], list[float]](list)
    for trial, number, begun in map(str.split, lines):
        steps[float(trial), int(number)].append(float(begun))
    return [
        _Trained(trial, number, times[0], seconds or times[-1] - times[0], kept=seconds is not None)
        for (trial, number), times in steps.items()
        for seconds in [told.get(trial, {}).get(number)]
    ]


def _gaps(epochs: Sequence[_Trained]) -> list[float]:
    """Milliseconds from the end of an epoch to the begin of the next one of the same trial."""
    pairs = [(one, other) for one, other in itertools.pairwise(epochs) if one.trial == other.trial]
    return [1000 * (other.begun - one.begun - one.seconds) for one, other in pairs]


def _changes(epochs: Sequence[_Trained]) -> list[float]:
    """Milliseconds from the end of a trial's last epoch, told or not, to the first step of the next trial."""
    pairs = [(one, other) for one, other in itertools.pairwise(epochs) if one.trial != other.trial]
    return [1000 * (other.begun - one.begun - one.seconds) for one, other in pairs]


def _share(epochs: Sequence[_Trained], whole: float, *, dropped: bool) -> float:
    return sum(epoch.seconds for epoch in epochs if epoch.kept or dropped) / whole


def _spread(values: Sequence[float]) -> str:
    middle, high = np.percentile(values, [50, 90])
    return f"median {middle:.1f}, p90 {high:.1f}, largest {max(values):.1f} (n = {len(values)})"


if __name__ == "__main__":
    main()
