"""What the commands under `launch/` do, and how they say what went wrong: one line, and nothing lost."""

import argparse
import shlex
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

INTERRUPTED = 130
_EXPECTED = (ValueError, KeyError, OSError)


def run_with_clear_errors(command: Callable[[], int]) -> int:
    """Runs a command; an error that its caller can mend becomes one line on the standard error."""
    try:
        return command()
    except _EXPECTED as error:
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"error: {text}", file=sys.stderr)
        if not _is_ours(error):
            traceback.print_exc()  # a fault of the program: what a report of it needs
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED


def run_search(options: argparse.Namespace, root: Path) -> int:
    """The search of `launch/tune.py`, and its report."""
    import raykd

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
    show(result)
    if (result.frame["state"] == "unfinished").any():
        again = shlex.join([*sys.argv, *([] if options.resume else ["--resume"])])
        print(f"stopped before the end; go on with: python {again}")
        return INTERRUPTED
    return 0


def show(result: Any, most: int = 5) -> None:
    """Prints what a search found: its best trials beside the baselines, and where everything lies."""
    console = Console(highlight=False, soft_wrap=False)
    frame = result.frame
    shown = frame[frame["baseline"] | (frame["state"] == "complete")]
    trials = shown[~shown["baseline"]].head(most)
    table = Table("trial", "validation", "test", "epochs", "setting", title="best trials and baselines")
    for _, row in shown[shown["baseline"] | shown.index.isin(trials.index)].iterrows():
        shares = (_share(row["val/accuracy"]), _share(row["test/accuracy"]))
        table.add_row(row["name"], *shares, str(row["epochs"]), row["setting"])
    console.print(table)
    counts = ", ".join(f"{count} {state}" for state, count in frame["state"].value_counts().items())
    print(f"{len(frame)} trials: {counts}")
    summary = result.summary
    if summary["teacher"] is not None:
        print(f"teacher: test accuracy {summary['teacher']:.4f}")
    if summary["best"] is not None:
        print(f"winner: {summary['best']}, test accuracy {summary['test_accuracy']:.4f}")
    print(f"everything lies in {result.folder}: trials.csv, best_recipe.json, student.safetensors")
    print(f"watch it in TensorBoard: tensorboard --logdir {shlex.quote(str(result.folder / 'tensorboard'))}")


def _share(value: float) -> str:
    return "" if value != value else f"{value:.4f}"


def _is_ours(error: BaseException) -> bool:
    """Whether raykd raised an error itself (one line for the user) rather than something below it."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).is_relative_to(Path(__file__).parent)
