"""`launch/tune.py`: a search, and the report at its end."""

import argparse
import shlex
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import raykd
from raykd.commands import INTERRUPTED, again
from raykd.result import BEST_RECIPE, STUDENT, TABLE, Result

_MOST_SHOWN = 5


def run_tune(options: argparse.Namespace, root: Path) -> int:
    """The search of `launch/tune.py`, and its report; 130 where Ctrl-C left trials to run."""
    study = raykd.load_study(options.study or root / "search_spaces" / "digits.py")
    result = raykd.tune(
        study,
        trials=options.trials,
        workers=options.workers,
        slots=options.slots,
        storage=options.storage,
        name=options.name,
        seed=options.seed,
        resume=options.resume,
        address=options.address,
        verbose=options.verbose,
    )
    console = Console(highlight=False, markup=False, soft_wrap=True)
    show(result, console)
    if result.interrupted:
        go_on = again(*([] if options.resume else ["--resume"]))
        console.print(f"stopped before the end; go on with: {go_on}")
        return INTERRUPTED
    return 0


def show(result: Result, console: Console) -> None:
    """Prints what a search found: its best trials beside the baselines, and where everything lies."""
    frame: Any = result.frame  # pandas' own types do not know what a comparison gives
    summary = result.summary
    shown = frame[frame["baseline"] | (frame["state"] == "complete")]
    trials = shown[~shown["baseline"]].head(_MOST_SHOWN)
    table = Table("trial", "validation", "test", "epochs", "setting", title="best trials and baselines")
    for row in shown[shown["baseline"] | shown.index.isin(trials.index)].to_dict("records"):
        shares = (_share(row["val/accuracy"]), _share(row["test/accuracy"]))
        table.add_row(row["name"], *shares, str(row["epochs"]), row["setting"])
    console.print(table, soft_wrap=False)
    counts = ", ".join(f"{count} {state}" for state, count in frame["state"].value_counts().items())
    console.print(f"{len(frame)} trials: {counts}")
    if summary["teacher"] is not None:
        console.print(f"teacher: test accuracy {summary['teacher']:.4f}")
    if summary["best"] is not None:
        tested = "" if summary["test_accuracy"] is None else f", test accuracy {summary['test_accuracy']:.4f}"
        console.print(f"{'best so far' if result.interrupted else 'winner'}: {summary['best']}{tested}")
    console.print(f"everything lies in {result.folder}: {TABLE}, {BEST_RECIPE}, {STUDENT}")
    console.print(f"watch it in TensorBoard: tensorboard --logdir {shlex.quote(str(result.folder / 'tensorboard'))}")


def _share(value: float) -> str:
    return "" if value != value else f"{value:.4f}"
