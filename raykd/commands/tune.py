"""`raykd tune`: a search, and the report at its end."""

import argparse
import shlex
from typing import Any

from rich.console import Console
from rich.table import Table

from raykd.cluster.tune import tune
from raykd.commands import INTERRUPTED, again, called_with_all_commands
from raykd.commands.confirmation_table import confirmation_table
from raykd.commands.front_table import front_table
from raykd.commands.parsers.own_study import OWN, check_own_study
from raykd.commands.resumed_study import chosen_study
from raykd.errors import InvalidError
from raykd.runs.result import BEST_RECIPE, TABLE, Result
from raykd.runs.student_file import STUDENT
from raykd.runs.verdict import teacher_in_words
from raykd.signals import SearchInterrupted
from raykd.storage.address import is_address
from raykd.storage.address import shown as shown_address
from raykd.storage.layout import SUMMARY
from raykd.studies.goals import goal
from raykd.studies.sizes import aimed

_MOST_SHOWN = 5


def run_tune(options: argparse.Namespace) -> int:
    """The search that was asked for, and its report; 130 where it was stopped with trials to run."""
    resume = options.resume is not None or options.more_trials is not None
    name = _name(options)
    _check_together(options, resume)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if options.data is None:
        study = chosen_study(options.study, options.storage, name if resume else None)
    else:
        from raykd.commands.own_study import own_study

        study = own_study(options, console.print)
    if options.dry_run:
        from raykd.commands.dry_run import run_dry

        return run_dry(aimed(study, options.pareto), options, console)
    try:
        result = tune(
            study,
            trials=options.trials,
            confirm=options.confirm,
            workers=options.workers,
            slots=options.slots,
            slots_per_gpu=options.slots_per_gpu,
            keep_teacher_outputs=options.keep_teacher_outputs,
            storage=options.storage,
            name=name,
            seed=options.seed,
            resume=resume,
            more_trials=options.more_trials,
            warm_start=options.warm_start,
            pareto=options.pareto,
            costs=options.costs,
            address=options.address,
            verbose=options.verbose,
        )
    except SearchInterrupted as interrupted:
        return stopped(interrupted.folder.name, console)
    show(result, console)
    if is_address(options.storage):
        console.print(f"the storage has it too: {shown_address(options.storage)}")
    return stopped(result.folder.name, console) if result.interrupted else 0


def _name(options: argparse.Namespace) -> str | None:
    """The search's name, from `--name` or `--resume NAME`."""
    if options.resume and options.name and options.resume != options.name:
        raise InvalidError(f"--resume {options.resume} and --name {options.name} are two searches; leave out --name")
    return options.resume or options.name


def _check_together(options: argparse.Namespace, resume: bool) -> None:
    check_own_study(options, resume)
    if options.pareto is not None:
        goal(options.pareto)
    if options.dry_run and resume:
        raise InvalidError("--dry-run plans a new search; leave out --resume and --more-trials")
    if options.price_per_hour is not None and not options.dry_run:
        raise InvalidError("--price-per-hour: what a search will cost is said by --dry-run; give both")


def stopped(name: str, console: Console) -> int:
    """Says how to go on with a search."""
    said_once = ("--resume", "--name", "--more-trials", "--trials", "--seed", "--costs", "--data", *OWN.values())
    go_on = again("--resume", name, without=said_once)
    console.print(f"stopped before the end; go on with: {go_on}")
    return INTERRUPTED


def show(result: Result, console: Console) -> None:
    """Prints what a search found: its best trials and the baselines, their confirmation, and where everything lies."""
    frame: Any = result.frame  # pandas' own types do not know what a comparison gives
    summary = result.summary
    shown = frame[frame["baseline"] | (frame["outcome"] == "complete")]
    trials = shown[~shown["baseline"]].head(_MOST_SHOWN)
    table = Table("trial", "validation", "test", "epochs", "setting", title="best trials and baselines")
    for row in shown[shown["baseline"] | shown.index.isin(trials.index)].to_dict("records"):
        shares = (_share(row["val/accuracy"]), _share(row["test/accuracy"]))
        table.add_row(row["name"], *shares, str(row["epochs"]), row["setting"])
    console.print(table, soft_wrap=False)
    counts = ", ".join(f"{count} {kind}" for kind, count in frame["outcome"].value_counts().items())
    console.print(f"{len(frame)} trials: {counts}")
    if result.confirmed is not None:
        console.print(confirmation_table(result.confirmed), soft_wrap=False)
    if result.front is not None:
        console.print(front_table(result.front, result.folder), soft_wrap=False)
    if summary["teacher"] is not None:
        console.print(teacher_in_words(summary["teacher"], result.confirmed))
    if skipped := summary.get("skipped"):
        console.print(f"went on without {len(skipped)} pictures that cannot be used; {SUMMARY} lists them")
    files = [name for name in (TABLE, BEST_RECIPE, STUDENT) if (result.folder / name).exists()]
    console.print(f"everything lies in {result.folder}: {', '.join(files)}")
    console.print(f"watch it in TensorBoard: {shlex.join([*called_with_all_commands(), 'board', str(result.folder)])}")
    console.print(summary["verdict"])


def _share(value: float) -> str:
    return "" if value != value else f"{value:.4f}"
