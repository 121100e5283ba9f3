"""How good what a search chooses is: raykd's search beside others of as many student-epochs, and plain KD as it is.

Claim: what raykd's search chooses of the default study is at least 1.0 points better on the test split than plain KD,
on average over searches, and in no search 0.3 points worse; of the Fashion-MNIST study at least 0.3 points better on
average; and on average no worse than what random search over the same space chooses.

    python benchmarks/search_quality.py [--data digits|fashion|both] [--searches N] [--seeds N] [--folder F] [--save]

Searches, all of a study that ships with raykd, its networks, data, epochs and space:

(1) raykd: `raykd.tune(study, seed=i)`, as a user calls it, with its baselines and its confirmation
(2) random search: every draw trained to its end, the best on the validation split is chosen
(3) Optuna's TPESampler with its SuccessiveHalvingPruner, both at their defaults, likewise
(4) plain KD as it is: no search

The student-epochs that (1) has trained, baselines, stopped trials and confirmation among them, are the budget of (2)
and (3). The teacher and the auxiliary teacher are trained once, for all. The quality of what a search chose is its mean
test accuracy over fresh seeds that no search has seen, on the study's own split, after the last epoch; a difference to
plain KD is paired by seed, and the gain of a search is the mean of these. The last line has for each data set the mean
gain over searches with the lowest and the highest, and over all searches the mean difference to random search.

A search or run that has ended is a line in the folder and is never done again: the same command goes on where it was
killed. Under a folder of another version of raykd it must not be used.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import itertools
import json
import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from quality_rivals import RANDOM, TPE, search
from quality_runs import Runs
from record import Record
from scipy import stats

import raykd
from raykd.recipe import Recipe
from raykd.runs.result import Result
from raykd.space.serialise import from_file, to_text
from raykd.storage.atomic import write_text
from raykd.storage.layout import EPOCHS
from raykd.studies.baselines import PLAIN_KD, baselines

STUDIES = {"digits": "digits", "fashion": "fashion_mnist"}
SEARCHES = {"digits": 10, "fashion": 5}
OURS = "raykd"
_FIRST_SEED = 1001  # of the fresh ones: a search's own count from the recipe's
Chosen = dict[tuple[str, int], Recipe]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=[*STUDIES, "both"], default="both", help="(default: both)")
    parser.add_argument("--searches", type=int, metavar="N", help="(default: 10 on digits, 5 on fashion)")
    parser.add_argument("--trials", type=int, metavar="N", help="of a search of raykd's (default: the study's)")
    parser.add_argument("--seeds", type=int, default=8, metavar="N", help="fresh ones, at least 2 (default: 8)")
    parser.add_argument("--folder", type=Path, help="of all searches and runs (default: a temporary one)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="that train at a time (default: 2)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record = Record("search_quality")
    record.say(f"{options.seeds} fresh seeds; {options.processes} processes; load {os.getloadavg()[0]:.1f}")
    told, over_random = list[str](), list[float]()
    with tempfile.TemporaryDirectory() as temporary:
        for data in STUDIES if options.data == "both" else [options.data]:
            folder = (options.folder or Path(temporary)).absolute() / data
            folder.mkdir(parents=True, exist_ok=True)
            gains, differences = _compare(data, folder, options, record)
            told.append(f"{data} {statistics.mean(gains):+.2f} ({min(gains):+.2f} to {max(gains):+.2f})")
            over_random += differences
            if options.save:
                record.save()
    record.say(f"gain over plain KD {', '.join(told)}; over random search {statistics.mean(over_random):+.2f}")
    if options.save:
        record.save()


def _compare(data: str, folder: Path, options: argparse.Namespace, record: Record) -> tuple[list[float], list[float]]:
    """The gain of each of raykd's searches over plain KD, and over random search."""
    numbers = range(options.searches or SEARCHES[data])
    budgets = {number: _ours(data, folder, number, options) for number in numbers}
    rivals = list(itertools.product((RANDOM, TPE), numbers))
    _each(options, [functools.partial(_rival, data, folder, *rival, budgets[rival[1]]) for rival in rivals])
    chosen = {(kind, number): _read(folder, kind, number) for kind in (OURS, RANDOM, TPE) for number in numbers}
    plain = baselines(raykd.load_study(STUDIES[data]).recipe)[PLAIN_KD]
    seeds = range(_FIRST_SEED, _FIRST_SEED + options.seeds)
    jobs = itertools.product(dict.fromkeys([plain, *chosen.values()]), seeds)
    _each(options, [functools.partial(_train, folder, dataclasses.replace(recipe, seed=seed)) for recipe, seed in jobs])
    runs = Runs(folder)

    def quality(recipe: Recipe) -> list[float]:
        outcomes = [runs.train(dataclasses.replace(recipe, seed=seed)) for seed in seeds]
        return [outcome.tested["accuracy"] for outcome in outcomes if outcome.tested is not None]

    base = quality(plain)
    record.say(f"{data}: {len(numbers)} searches of {_words([float(epochs) for epochs in budgets.values()], 0)} epochs")
    record.say(f"    plain KD: {_words(base)}")
    means = {key: statistics.mean(quality(recipe)) for key, recipe in chosen.items()}
    gains = {kind: [means[kind, number] - statistics.mean(base) for number in numbers] for kind in (OURS, RANDOM, TPE)}
    for kind, found in gains.items():
        each = ", ".join(f"{gain:+.2f}" for gain in found)
        record.say(f"    {kind}: {_words([means[kind, number] for number in numbers])}")
        record.say(f"        gain over plain KD {statistics.mean(found):+.2f}{_interval(found)}; each: {each}")
    return gains[OURS], [own - other for own, other in zip(gains[OURS], gains[RANDOM], strict=True)]


def _ours(data: str, folder: Path, number: int, options: argparse.Namespace) -> int:
    """Lets raykd search where it has not yet; the student-epochs that it trained."""
    name = f"search-{number}"
    if not _file(folder, OURS, number).exists():
        study = raykd.load_study(STUDIES[data])
        begun = (folder / name).exists()
        result = raykd.tune(
            study,
            trials=None if begun else options.trials,
            seed=number,
            slots=options.processes,
            storage=folder,
            name=name,
            resume=begun,
            address="local",
        )
        if result.interrupted:
            raise SystemExit(f"search {number} was stopped; the same command goes on with it")
        write_text(_file(folder, OURS, number), to_text(_chosen(result)))
    return sum(len(set(map(_number, file.read_text().splitlines()))) for file in (folder / name).rglob(EPOCHS))


def _chosen(result: Result) -> Recipe:
    """What a user takes from a search."""
    return result.best.recipe


def _number(line: str) -> int:
    return json.loads(line)["number"]


def _rival(data: str, folder: Path, kind: str, number: int, budget: int) -> None:
    if _file(folder, kind, number).exists():
        return
    study = raykd.load_study(STUDIES[data])
    found = search(kind, study, Runs(folder), budget=budget, seed=number)
    if found.recipe is None:
        raise SystemExit(f"{kind}, search {number}: no run has ended within {budget} epochs")
    write_text(_file(folder, kind, number), to_text(found.recipe))


def _train(folder: Path, recipe: Recipe) -> None:
    Runs(folder).train(recipe)


def _each(options: argparse.Namespace, jobs: Iterable[Callable[[], None]]) -> None:
    """Does jobs in processes of one thread each, so that none computes otherwise than a worker of raykd's does."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        options.processes, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        for done in concurrent.futures.as_completed([pool.submit(job) for job in jobs]):
            done.result()


def _file(folder: Path, kind: str, number: int) -> Path:
    return folder / f"{kind.replace(' ', '_')}-{number}.json"


def _read(folder: Path, kind: str, number: int) -> Recipe:
    return from_file(_file(folder, kind, number))


def _words(values: list[float], digits: int = 2) -> str:
    low, mean, high = (f"{value:.{digits}f}" for value in (min(values), statistics.mean(values), max(values)))
    return f"mean {mean} ({low} to {high}, n = {len(values)})"


def _interval(values: list[float]) -> str:
    """Of a mean, 95 %, by Student's t; nothing for a single value."""
    if len(values) < 2:
        return ""
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f" (95 % interval {statistics.mean(values) - half:+.2f} to {statistics.mean(values) + half:+.2f})"


if __name__ == "__main__":
    main()
