"""What a whole search costs, from the command to its end: raykd, three other ways to search, wall and CPU seconds.

Claim: searching temperature and weights of KD on Fashion-MNIST (1,500 images, two trials at a time on two cores)
raykd needs at least 5 times less wall and CPU time than (a) the usual way on short epochs (0.1 s), 2.5 times less on
long ones (5 s), and no more than (c) long-lived workers on short epochs with 64 trials, half as much on long ones.

    pip install --target FOLDER --no-deps torchdistill==1.1.5 pyyaml
    PYTHONPATH=FOLDER python benchmarks/search_cost.py [--only CASE ...] [--rivals NAME ...] [--rounds N] [--save]

(a) processes: Optuna, a process per trial, torchdistill, torchvision's views (rival_processes.py)
(b) ray_tune: Ray Tune as it comes, a function per trial, ASHA, OptunaSearch (rival_ray_tune.py)
(c) workers: two long-lived Optuna workers over a plain loop with raykd's views (rival_workers.py)

Cases: `short` has 16 trials of at most 27 epochs, a CNN of 4-8-16 channels taught by one of 8-16-32; `short64` the same
with 64 trials; `long` 6 trials of at most 3 epochs, resnet20 taught by resnet110. The teacher is trained beforehand,
for all alike, and is in no number. In each round raykd searches first; (a) and (c) then train as many runs of KD as it
did (its baseline of plain KD among them; that of the student alone they are spared), each for as many epochs as raykd's
own of that number. (b) decides itself what to stop, and trains no baselines. raykd writes checkpoints, scalars and a
report, and reads the test split, which the others do not. Its store of teacher outputs is empty when a search begins.

CPU time is that of all processes, Ray's daemons among them, so far as cost.py can see it. Ray's workers run at the
niceness of everything else (RAY_worker_niceness=0), one thread each. The last line is the smallest of all ratios of
medians that have a target, over its target: 1 or more where all are met.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from cost import Cost, run_measured
from processes import become_subreaper
from record import Record, spread
from search_case import CASES, Case, hand_over, replay
from torchdistill_kd import check_installed

from raykd.data.dataset import load
from raykd.protocols.teacher import teacher_route
from raykd.storage.artifacts import Store

HERE = Path(__file__).parent
OURS, RIVALS = "raykd", ("processes", "ray_tune", "workers")
TARGETS = {
    ("short", "processes"): 5.0,
    ("long", "processes"): 2.5,
    ("short64", "workers"): 1.0,
    ("long", "workers"): 2.0,
}
Costs = dict[str, list[Cost]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases = ["short", "short64", "long"]
    parser.add_argument("--only", nargs="+", choices=CASES, default=cases, help="cases (default: all but tiny)")
    parser.add_argument("--rivals", nargs="+", choices=RIVALS, default=RIVALS, help="(default: all)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="searches of each (default: 3)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    version = check_installed()
    become_subreaper()
    record, met = Record("search_cost"), list[float]()
    record.say(f"torchdistill {version}; load average before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            costs = _compare(name, Path(folder) / name, options.rivals, options.rounds, record)
            met += _say(name, costs, record)
            if options.save:
                record.save()
    record.say(f"load average after: {os.getloadavg()[0]:.1f}")
    if met:
        record.say(f"ratio {min(met):.2f}")
    if options.save:
        record.save()


def _compare(name: str, folder: Path, rivals: list[str], rounds: int, record: Record) -> Costs:
    """What each search of a case cost."""
    case, costs = CASES[name], Costs()
    prepared, handed = folder / "prepared", folder / "handed"
    handed.mkdir(parents=True)
    _prepare(name, case, prepared, handed)
    for number in range(1, rounds + 1):
        storage = folder / f"round-{number}"
        shutil.copytree(prepared, storage)  # with the teacher and nothing else
        costs.setdefault(OURS, []).append(_ours(name, storage))
        epochs = _epochs(storage / "search" / "trials")
        replay(handed, epochs)
        begun, told = f"{name}, round {number}", f"{len(epochs)} runs of KD, {sum(epochs)} epochs"
        record.say(f"{begun}, {OURS}: {told}, {_words(costs[OURS][-1])}")
        for rival in rivals:
            (handed / "journal").unlink(missing_ok=True)
            script, output = HERE / f"rival_{rival}.py", folder / "output"
            costs.setdefault(rival, []).append(_run([str(script), str(handed)], output))
            told = f"{output.read_text().split()[-1]} epochs" if rival == "ray_tune" else "the same epochs"
            record.say(f"{begun}, {rival}: {told}, {_words(costs[rival][-1])}")
        shutil.rmtree(storage)
    return costs


def _prepare(name: str, case: Case, storage: Path, handed: Path) -> None:
    """Trains the teacher into a storage, and hands it, with the images, to the rivals."""
    print(f"{name}: training the teacher", file=sys.stderr, flush=True)
    recipe = case.study().recipe
    assert recipe.teacher is not None
    route = teacher_route(recipe.teacher, recipe.data, Store(storage / "artifacts"), device="cpu")
    dataset = load(recipe.data, torch.device("cpu"))
    hand_over(handed, name, dataset, route.weights(route.num_checkpoints))


def _ours(name: str, storage: Path) -> Cost:
    study = storage / "cost.py"
    study.write_text(f"from search_case import CASES\n\nstudy = CASES[{name!r}].study()\n")
    command = ["-m", "raykd", "tune", "--study", str(study), "--slots", "2", "--address", "local"]
    return _run([*command, "--storage", str(storage), "--name", "search"], storage / "output")


def _run(command: list[str], output: Path) -> Cost:
    paths = [str(HERE), str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {"PYTHONPATH": ":".join(paths), "RAY_worker_niceness": "0", "OMP_NUM_THREADS": "1"}
    return run_measured([sys.executable, *command], output, environment)


def _epochs(trials: Path) -> list[int]:
    """How many epochs each run of KD has trained in a search, in the order of their names."""
    files = [file for file in sorted(trials.glob("*/epochs.jsonl")) if not file.parent.name.startswith("student-alone")]
    return [len(file.read_text().splitlines()) for file in files]


def _words(cost: Cost) -> str:
    return f"{cost.wall:.0f} s, CPU {cost.cpu:.0f} s"


def _say(name: str, costs: Costs, record: Record) -> list[float]:
    """Tells of a case; gives the ratios that have a target, each over its target."""
    met: list[float] = []
    for contender, found in costs.items():
        for kind in ("wall", "cpu"):
            seconds = [getattr(cost, kind) for cost in found]
            ratio = statistics.median(seconds) / statistics.median(getattr(cost, kind) for cost in costs[OURS])
            target = TARGETS.get((name, contender))
            words = f", {ratio:.2f} x raykd's" if contender != OURS else ""
            if target is not None:
                words += f"; target {target}"
                met.append(ratio / target)
            record.say(f"    {name}, {contender}, {kind} s: {spread(seconds, 1)}{words}")
    return met


if __name__ == "__main__":
    main()
