"""How long workers idle between two trials: raykd's warm groups against a Ray Train run for each trial.

Claim: from the last step of one trial to the first step of the next, on the same place, a warm group needs at most a
second (median); a `TorchTrainer` started for each trial by a Tune function, as Ray's guides show it, needs many.

    python benchmarks/trial_start.py [--trials N] [--save]

Both train the same recipes by the same loop, one trial at a time with one worker. The times are taken inside the
workers, by a term of the loss whose value is 0, as each step begins; so both gaps hold the last step itself, the last
epoch's validation, what is written for it, and everything up to the next trial's first step.
"""

import argparse
import logging
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from optuna.distributions import FloatDistribution
from record import Record, spread

from raykd.cluster.tune import tune  # before Ray: it sets what Ray reads when it is imported

# isort: split
import itertools

import ray
import torch
from ray import cloudpickle, train
from ray import tune as ray_tune
from ray.train.torch import TorchTrainer, get_device

from raykd.data.digits import Digits
from raykd.distributed.world import World
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.models.cnn import CNN
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Shapes, Term
from raykd.recipe import Recipe
from raykd.runs.trial import run_trial
from raykd.space.ranges import override
from raykd.storage.artifacts import Store
from raykd.studies.study import Study
from raykd.teachers.trained import Teacher


@dataclass(frozen=True, kw_only=True)
class Stopwatch:
    """A term of value 0 that writes down when each step begins, and of which trial (told by the learning rate)."""

    name: ClassVar[str] = "stopwatch"
    needs_teacher = False
    file: str
    weight: float = 1.0

    def check(self, shapes: Shapes) -> None: ...

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _Stopwatch(self.file)


class _Stopwatch(Term):
    def __init__(self, file: str):
        super().__init__()
        self._file, self._trial = Path(file), time.time_ns()

    def forward(self, student: Any, teacher: Any, batch: Any, clock: Any) -> Any:
        if clock.step == 0 or clock.epoch == clock.epochs - 1:
            with self._file.open("a") as lines:
                lines.write(f"{self._trial} {time.time()}\n")
        return student.logits.new_zeros(())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10, metavar="N", help="of either kind (default: 10)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record = Record("trial_start")
    cloudpickle.register_pickle_by_value(__import__(__name__))
    with tempfile.TemporaryDirectory() as folder:
        ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        warm = _gaps(_warm, Path(folder) / "warm", options.trials)
        record.say(f"seconds between trials, warm group: {spread(warm, 2)}")
        cold = _gaps(_cold, Path(folder) / "cold", options.trials)
        record.say(f"seconds between trials, a Ray Train run for each: {spread(cold, 2)}")
        ray.shutdown()
    record.say(f"ratio {statistics.median(cold) / statistics.median(warm):.1f}")
    if options.save:
        record.save()


def _recipe(folder: Path) -> Recipe:
    teacher = Teacher(model=CNN(widths=(16, 32, 64)), epochs=2, every=1)
    terms = (CrossEntropy(weight=0.1), KD(weight=0.9), Stopwatch(file=str(folder / "steps")))
    return Recipe(data=Digits(), student=CNN(widths=(4, 8, 12)), teacher=teacher, terms=terms, epochs=2, batch_size=64)


def _gaps(search: Any, folder: Path, trials: int) -> list[float]:
    """Seconds from the beginning of each trial's last step to that of the next one's first."""
    folder.mkdir()
    search(folder, trials)
    steps: dict[str, list[float]] = {}
    for line in (folder / "steps").read_text().splitlines():
        trial, begun = line.split()
        steps.setdefault(trial, []).append(float(begun))
    ordered = sorted(steps.values(), key=min)
    return [min(after) - max(before) for before, after in itertools.pairwise(ordered)]


def _warm(folder: Path, trials: int) -> None:
    """A raykd search; its two baselines, trained first, hold no stopwatch."""
    rates = {"optimiser/lr": FloatDistribution(0.01, 0.1)}
    study = Study(recipe=_recipe(folder), ranges=rates, name="warm", grace=2, trials=trials, confirm=0)
    tune(study, slots=1, storage=folder)


def _cold(folder: Path, trials: int) -> None:
    """The usual pattern: a Tune function that starts a Ray Train run for its trial and waits for it."""
    store, recipe = folder / "artifacts", _recipe(folder)

    def work(config: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        trial = folder / f"trial-{config['number']}"
        changed = override(recipe, {"optimiser/lr": config["lr"]})
        world = World.current(get_device())
        for epoch in run_trial(changed, trial, trial / "board", Store(store), {}, world):
            train.report(epoch.metrics)

    def trial(config: dict[str, Any]) -> None:
        trainer = TorchTrainer(
            work,
            train_loop_config=config,
            scaling_config=train.ScalingConfig(num_workers=1),
            run_config=train.RunConfig(
                name=f"trial-{config['number']}",
                storage_path=str(folder / "runs"),
                logging_config=train.LoggingConfig(log_level="ERROR"),
            ),
        )
        ray_tune.report(dict(trainer.fit().metrics or {}))

    space = {"number": ray_tune.grid_search(list(range(trials))), "lr": ray_tune.uniform(0.01, 0.1)}
    ray_tune.Tuner(
        ray_tune.with_resources(trial, {"cpu": 0.01}),
        param_space=space,
        tune_config=ray_tune.TuneConfig(max_concurrent_trials=1),
        run_config=ray_tune.RunConfig(name="tune", storage_path=str(folder / "runs"), verbose=0),
    ).fit()


if __name__ == "__main__":
    main()
