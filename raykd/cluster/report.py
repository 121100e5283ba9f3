"""What a search found, gathered when it ends: a row for each trial, its confirmation, and the one look at the test."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas

from raykd.cluster.front_report import front, verdict_of, with_costs, write_front
from raykd.cluster.machines.resources import Resources
from raykd.cluster.test_split import TEACHER, pulled, read_test_split
from raykd.cluster.tuner.candidates import candidate
from raykd.cluster.tuner.ended_trials import UNFINISHED, Record
from raykd.cluster.tuner.search_run import Found
from raykd.cluster.tuner.trials import CONFIRM, Trials
from raykd.data.dataset import LeavesOut
from raykd.errors import MissingError
from raykd.page.writing import try_to_write_page
from raykd.protocols.event import METRIC
from raykd.reporting.search_board import TEST, file_of_test, write_test
from raykd.runs.confirmed import Confirmed, Run, confirmed
from raykd.runs.remote_search import bring_trials
from raykd.runs.result import BEST_RECIPE, SUMMARY, TABLE, Result
from raykd.runs.student_file import STUDENT, facts, save_student
from raykd.runs.trial import read_epochs, saved_epoch, student_weights
from raykd.runs.verdict import unconfirmed, verdict
from raykd.space.serialise import to_text
from raykd.storage.atomic import write, write_text
from raykd.storage.layout import BOARD, CONFIRMATION_BOARD, CONFIRMATION_TABLE, TRIALS
from raykd.studies.confirmation import overlap
from raykd.studies.study_file import own_types


def report(trials: Trials, found: Found, seeds: int, resources: Resources) -> Result:
    """Writes the tables, the best recipe and the best student; of a finished search, tests what matters.

    The best is the confirmation's winner, or without one the best row of the table; in both a baseline may be it. While
    trials are missing, the test split stays unread.

    Args:
        seeds: that the confirmation was to have.
    """
    bring_trials(trials.storage, trials.folder)
    own = {record.name: record for record in found.records if CONFIRM not in record.config}
    again = {record.name: record for record in found.records if CONFIRM in record.config}
    frame = with_costs(trials, own, _frame(trials, own.values()))
    confirmation = _confirmed(trials, again.values(), seeds, {})
    best = _best(frame, confirmation if found.has_ended else None)
    shown = None if best is None else _shown(trials, own, again.values(), best)
    tested, points = dict[str, float](), front(trials, own, frame, confirmation)
    if found.has_ended:
        names = [] if points is None else [*points["name"]]
        names += [*frame[frame["baseline"] & (frame["outcome"] == "complete")]["name"]]
        names += [shown.name] if shown is not None else []
        names += [record.name for record in again.values() if _is_tested(trials, record, best)]
        there = [name for name in dict.fromkeys(names) if _has_student(trials, name)]
        recipes = {name: trials.recipe((own | again)[name].config) for name in there}
        tested = read_test_split(trials, recipes, resources)
        _mark(trials, own | again, tested, shown.name if shown is not None else None)
        confirmation = _confirmed(trials, again.values(), seeds, tested)
    frame[TEST] = [tested.get(name, math.nan) for name in frame["name"]]
    summary = _summary(frame, best, confirmation, has_ended=found.has_ended) | {"teacher": tested.get(TEACHER)}
    if (points := front(trials, own, frame, confirmation)) is not None:
        summary["verdict"] = verdict_of(trials, points, confirmation, has_ended=found.has_ended)
        write_front(trials, own, points)
    if isinstance(data := trials.study.recipe.data, LeavesOut) and (skipped := data.skipped()):
        summary["skipped"] = dict(skipped)
    if shown is not None:
        summary["best"], folder = shown.name, pulled(trials, shown.name)
        summary["test_accuracy"] = tested.get(shown.name)
        summary["metrics"] = _finished_epoch(folder)["metrics"]
        write_text(trials.folder / BEST_RECIPE, to_text(trials.recipe(shown.config)))
        save_student(trials.folder / STUDENT, student_weights(folder), trials.recipe(shown.config), facts(summary))
    if confirmation is not None:
        write(trials.folder / CONFIRMATION_TABLE, lambda path: confirmation.frame.to_csv(path, index=False))
    write_text(trials.folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
    write(trials.folder / TABLE, lambda path: frame.to_csv(path, index=False))
    types = own_types(trials.study)
    try_to_write_page(trials.folder, trials.storage, "finished" if found.has_ended else "stopped", types)
    return Result(trials.folder, frame, interrupted=not found.has_ended, types=types)


def _frame(trials: Trials, records: Iterable[Record]) -> pandas.DataFrame:
    columns = ["name", "setting", "baseline", "outcome", METRIC, "epochs", "seconds"]
    frame = pandas.DataFrame([_row(trials, record) for record in records])
    frame = frame.reindex(columns=[*columns, *(name for name in frame.columns if name not in columns)])
    frame = frame.astype({"baseline": bool, METRIC: float})
    return frame.sort_values(METRIC, ascending=False, na_position="last", ignore_index=True, kind="stable")


def _row(trials: Trials, record: Record) -> dict[str, Any]:
    accuracy = record.end.accuracy
    return {
        "name": record.name,
        "setting": trials.setting(record.config),
        "baseline": "baseline" in record.config,
        "outcome": record.end.kind,
        METRIC: math.nan if accuracy is None else accuracy,
        "epochs": record.end.epochs,
        "seconds": sum(epoch["seconds"] for epoch in read_epochs(trials.folder / TRIALS / record.name)),
        **record.config.get("values", {}),
    }


def _confirmed(trials: Trials, records: Iterable[Record], seeds: int, tested: Mapping[str, float]) -> Confirmed | None:
    """The confirmation's runs, compared; None where there are none."""
    runs = [_run(trials, record, tested) for record in records if record.end.kind != UNFINISHED]
    return confirmed(runs, seeds, overlap(trials.study)) if runs else None


def _run(trials: Trials, record: Record, tested: Mapping[str, float]) -> Run:
    config = candidate(record.config)
    return Run(
        candidate=trials.name(config),
        setting=trials.setting(config),
        is_baseline="baseline" in config,
        number=record.config[CONFIRM],
        outcome=record.end.kind,
        validation=record.end.accuracy,
        test=tested.get(record.name),
    )


def _best(frame: pandas.DataFrame, confirmation: Confirmed | None) -> str | None:
    """The name of the best trial or baseline that ran to its end."""
    if confirmation is not None and confirmation.winner is not None:
        return confirmation.winner.name
    return next(iter(frame[frame["outcome"] == "complete"]["name"]), None)


def _shown(trials: Trials, own: Mapping[str, Record], records: Iterable[Record], name: str) -> Record:
    """The trial whose student is handed out: the best one itself, if the search has trained it and kept its checkpoint.

    Else its training with the first fresh seed: many trials may have been added since that were better than a winner.
    """
    if name in own and _has_student(trials, name):
        return own[name]
    runs = [record for record in records if trials.name(candidate(record.config)) == name]
    return min(runs, key=lambda record: record.config[CONFIRM])


def _has_student(trials: Trials, name: str) -> bool:
    return saved_epoch(pulled(trials, name)) is not None


def _is_tested(trials: Trials, record: Record, best: str | None) -> bool:
    """Whether a run of the confirmation is of the winner, a point of the front or a baseline, and has a student."""
    of = candidate(record.config)
    is_told = "baseline" in of or trials.name(of) == best or trials.costs is not None
    return record.end.kind == "complete" and is_told


def _mark(trials: Trials, records: Mapping[str, Record], tested: Mapping[str, float], winner: str | None) -> None:
    """Writes into the trials' runs of TensorBoard what the test split said of them, and who has won."""
    files = {
        write_test(trials.board(record.config), tested[name], is_winner=name == winner, epochs=record.end.epochs)
        for name, record in records.items()
        if name in tested
    }
    for file in files:
        trials.storage.push(file)
    for board in (BOARD, CONFIRMATION_BOARD):
        for file in (trials.folder / board).glob(f"*/{file_of_test(Path()).name}"):
            if file not in files:  # of a winner that more trials have beaten
                trials.storage.delete(file)
                file.unlink(missing_ok=True)


def _summary(
    frame: pandas.DataFrame, best: str | None, confirmation: Confirmed | None, *, has_ended: bool
) -> dict[str, Any]:
    words = verdict(confirmation) if confirmation is not None and has_ended else unconfirmed(frame, best, has_ended)
    return {
        "best": best,
        "verdict": words,
        "metrics": {},
        "test_accuracy": None,
        "confirmed": confirmation.to_json() if confirmation is not None else None,
    }


def _finished_epoch(folder: Path) -> dict[str, Any]:
    saved = saved_epoch(folder)
    if saved is None:
        raise MissingError(f"{folder} has lost its checkpoint")
    return saved
