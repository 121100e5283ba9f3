"""What each method is worth on Fashion-MNIST: the papers' claims as hypotheses, at equal student-epochs.

Claims, each of a paper, that are tested and may fail here:

* QUEST is better than KD (Jain et al., ECCV 2020)
* information flow with the auxiliary teacher retrieves better than PKT without one, students trained without labels,
  mean average precision of the test images among the training images, by cosine (Passalis et al., CVPR 2020)
* IAKD is better than KD (Fu et al., Neurocomputing 2021)
* RCO is better than KD over as many epochs, and its greedy search better than equal intervals (Jin et al., ICCV 2019)

    python benchmarks/evidence.py [--seeds N] [--draws N] [--only WORD ...] [--winner FILE] [--folder F] [--save]

Data (Debian's package `dataset-fashion-mnist`), networks, optimiser and epochs are those of the study `fashion_mnist`.
Every arm trains as many epochs, without early stopping, and is measured after the last one on the test split, which
nothing was chosen on. Seeds are paired; an interval is that of a mean difference, 95 %, by Student's t, not corrected
for the number of arms. A claim is held where its interval is above 0, refuted where it is below, else open.

A method is tuned over its own ranges (evidence_arms.py), KD's as the others': its own setting and random draws, each
trained once with the recipe's seed, the best on the validation split. Differences from the papers: QUEST has 256 words;
optimiser, epochs and networks are the study's, but for students without labels, which are trained by Adam.

A run that has ended is a line in the folder and is never done again; `--only` trains arms whose names have one of the
words in them, beside KD. The last lines are the claims.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from evidence_arms import ALONE, LABELS, PLAIN, UNLABELLED, Tuned, arms, tuned
from quality_rivals import RANDOM, search
from quality_runs import Runs, with_retrieval
from record import Record
from scipy import stats

import raykd
from raykd.recipe import Recipe
from raykd.space.ranges import space, value_at
from raykd.studies.study import Study

STUDY = "fashion_mnist"
_FIRST_SEED = 1001  # of the fresh ones; the recipe's own is the one that settings are tuned with
CLAIMS = (
    ("QUEST beside labels against KD", LABELS + "QUEST", PLAIN),
    ("QUEST beside labels, tuned, against KD, tuned", LABELS + "QUEST, tuned", "KD, tuned"),
    ("QUEST beside KD against KD", "KD + QUEST", PLAIN),
    ("QUEST beside KD, tuned, against KD, tuned", "KD + QUEST, tuned", "KD, tuned"),
    (
        "information flow with the auxiliary teacher against PKT without, retrieval",
        UNLABELLED + "information flow with the auxiliary teacher",
        UNLABELLED + "PKT without",
    ),
    ("information flow beside labels against labels alone", LABELS + "information flow", ALONE),
    ("information flow beside KD, tuned, against KD, tuned", "KD + information flow, tuned", "KD, tuned"),
    ("IAKD against KD", LABELS + "IAKD", PLAIN),
    ("IAKD, tuned, against KD, tuned", LABELS + "IAKD, tuned", "KD, tuned"),
    ("RCO at equal intervals against KD", "KD + RCO", PLAIN),
    ("RCO greedy against KD", "KD + RCO greedy", PLAIN),
    ("RCO greedy against equal intervals", "KD + RCO greedy", "KD + RCO"),
)
Values = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="at least 2 (default: 5)")
    parser.add_argument("--draws", type=int, default=8, metavar="N", help="settings of what is tuned (default: 8)")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="arms with such a word (default: all)")
    parser.add_argument("--winner", type=Path, metavar="FILE", help="the best_recipe.json of a search, one more arm")
    parser.add_argument("--folder", type=Path, help="of all runs (default: a temporary one)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="that train at a time (default: 2)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record = Record("evidence")
    record.say(f"{options.seeds} seeds, {options.draws} draws of what is tuned; load {os.getloadavg()[0]:.1f}")
    base = raykd.load_study(STUDY).recipe
    record.say(f"{base.data}, {base.student} taught by {base.teacher}, {base.optimiser}, {base.epochs} epochs")
    with tempfile.TemporaryDirectory() as temporary:
        values = _measure(base, (options.folder or Path(temporary)).absolute(), options, record)
    for name in sorted(values, key=lambda name: -statistics.mean(values[name])):
        against = "" if name.startswith(UNLABELLED) or name == PLAIN else f"; {_words(values[name], values[PLAIN])[0]}"
        record.say(f"    {name}: {statistics.mean(values[name]):.2f}, sd {statistics.stdev(values[name]):.2f}{against}")
    for claim, ours, theirs in CLAIMS:
        if ours in values and theirs in values:
            words, verdict = _words(values[ours], values[theirs])
            record.say(f"{verdict}: {claim}: {words}")
    if options.save:
        record.save()


def _measure(base: Recipe, folder: Path, options: argparse.Namespace, record: Record) -> Values:
    """The measure of each arm by seed, in percent: accuracy, or mean average precision without labels."""
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        options.processes, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        recipes = {name: recipe for name, recipe in arms(base).items() if name == PLAIN or _is_wanted(name, options)}
        if options.winner is not None:
            recipes["the search's winner"] = raykd.load_recipe(options.winner)
        seeds = range(_FIRST_SEED, _FIRST_SEED + options.seeds)
        fixed = {name: _ask(pool, folder, recipe, seeds) for name, recipe in recipes.items()}
        wanted = {name: arm for name, arm in tuned(base).items() if _is_wanted(name, options)}
        drawn = pool.map(functools.partial(_tune, folder, options.draws), wanted.values())
        for name, recipe in zip(wanted, drawn, strict=True):
            record.say(f"{name}: {_setting(wanted[name], recipe)}")
            fixed[name] = _ask(pool, folder, recipe, seeds)
        return {name: [run.result() for run in found] for name, found in fixed.items()}


def _ask(
    pool: concurrent.futures.Executor, folder: Path, recipe: Recipe, seeds: Sequence[int]
) -> list[concurrent.futures.Future[float]]:
    return [pool.submit(_train, folder, dataclasses.replace(recipe, seed=seed)) for seed in seeds]


def _train(folder: Path, recipe: Recipe) -> float:
    outcome = Runs(folder, with_retrieval).train(recipe)
    assert outcome.tested is not None
    learns_classes = any(term.name in ("cross_entropy", "kd") for term in recipe.terms)
    measure = "accuracy" if learns_classes else "retrieval"
    return outcome.tested.get(measure, 0.0)  # of a run that diverged nothing else is measured


def _tune(folder: Path, draws: int, arm: Tuned) -> Recipe:
    """The best on the validation split of an arm's own setting and its draws."""
    unsearched = dict.fromkeys(space(arm.recipe))
    study = Study(recipe=arm.recipe, ranges={**unsearched, **arm.ranges})
    own = Runs(folder, with_retrieval).train(arm.recipe)
    budget = (draws - 1) * arm.recipe.epochs
    found = search(RANDOM, study, Runs(folder, with_retrieval), budget=budget, seed=arm.recipe.seed)
    return arm.recipe if found.recipe is None or own.curve[-1] >= found.best else found.recipe


def _setting(arm: Tuned, recipe: Recipe) -> str:
    return ", ".join(f"{path} {value_at(recipe, path):.3g}" for path in arm.ranges)


def _is_wanted(name: str, options: argparse.Namespace) -> bool:
    return any(word in name for word in options.only)


def _words(ours: list[float], theirs: list[float]) -> tuple[str, str]:
    """A paired difference with its interval, and what it says of the hypothesis that ours are better."""
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    mean, deviation = statistics.mean(differences), statistics.stdev(differences)
    half = stats.t.ppf(0.975, len(differences) - 1) * deviation / len(differences) ** 0.5
    verdict = "held" if mean - half > 0 else "refuted" if mean + half < 0 else "open"
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f}, n = {len(differences)})", verdict


if __name__ == "__main__":
    main()
