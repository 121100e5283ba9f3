"""`raykd predict`: what a student takes pictures for."""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import Progress

from raykd.commands import say_error
from raykd.data.formats.file_names import is_ignored, is_picture, shown
from raykd.distributed.world import World
from raykd.errors import AlreadyExistsError, InvalidError, MissingError
from raykd.runs.predicting import Prediction, predictions
from raykd.runs.standalone import Student
from raykd.runs.trial_student import load_student
from raykd.storage.atomic import write


@runtime_checkable
class _Target(Protocol):
    """The standard output, or a file."""

    def write(self, text: str, /) -> object: ...


Writer = Callable[[Prediction, int], None]


def run_predict(options: argparse.Namespace) -> int:
    """Writes a line for each picture; 1 where one could not be read."""
    for option, value in (("--top", options.top), ("--batch-size", options.batch_size)):
        if value < 1:
            raise InvalidError(f"{option} must be at least 1, got {value}")
    if options.to is not None and Path(options.to).exists():
        raise AlreadyExistsError(f"{options.to} exists already; choose another file for --to")
    device = World.current(options.device).device
    student = load_student(options.student, trial=options.trial).to(device)
    there = list(files(options.pictures))
    if options.to is None:
        bad = _answer(student, there, options, sys.stdout)
    else:
        counted: list[int] = []

        def save(path: Path) -> None:
            with path.open("w", newline="", encoding="utf-8") as file:
                counted.append(_answer(student, there, options, file))

        write(Path(options.to), save)
        (bad,) = counted
    if bad:
        say_error(f"{bad} of {len(there)} pictures could not be read")
    return 1 if bad else 0


def _answer(student: Student, there: Sequence[str], options: argparse.Namespace, target: _Target) -> int:
    """Writes what the student says of each file; how many could not be read."""
    bad = 0
    with _progress() as progress:
        tell = _json_lines(target, student.classes) if options.json else _csv(target, student.classes, options.top)
        for prediction in progress.track(predictions(student, there, options.batch_size), len(there)):
            if prediction.probabilities is None:
                bad += 1
                progress.console.print(f"error: {prediction.wrong}")
            else:
                tell(prediction, min(options.top, len(student.classes)))
    return bad


class _progress(Progress):  # noqa: N801 - reads as a function
    """Shown on the standard error, and only where a person sees it."""

    def __init__(self) -> None:
        super().__init__(console=Console(stderr=True, highlight=False, soft_wrap=True), transient=True)
        self.disable = not sys.stderr.isatty()


def files(named: Sequence[str]) -> Iterator[str]:
    """The pictures that are meant, each named place in order.

    Raises:
        FileNotFoundError: a place that is not there, or a folder or pattern without pictures.
    """
    for place in named:
        path = Path(place).expanduser()
        if path.is_file():
            yield str(path)
            continue
        found = sorted(_below(path)) if path.is_dir() else sorted(_matching(path))
        if not found:
            raise MissingError(f"{place}: {'no picture in it' if path.is_dir() else 'no such file or folder'}")
        yield from found


def _below(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_ignored(name))
        yield from (str(Path(place, name)) for name in names if is_picture(name) and not is_ignored(name))


def _matching(pattern: Path) -> Iterator[str]:
    """The files that a pattern means, where the shell has left it as it is."""
    start = Path(pattern.anchor or ".")
    yield from (
        str(path)
        for path in start.glob(str(pattern.relative_to(pattern.anchor)))
        if path.is_file() and not is_ignored(path.name)
    )


def _csv(target: _Target, classes: tuple[str, ...], top: int) -> Writer:
    rows = csv.writer(target, lineterminator="\n")
    numbers = [""] if top == 1 else [f"_{number}" for number in range(1, min(top, len(classes)) + 1)]
    rows.writerow(["file", *(f"{word}{number}" for number in numbers for word in ("class", "probability"))])

    def write(prediction: Prediction, count: int) -> None:
        likely = _likeliest(prediction, classes, count)
        rows.writerow([shown(prediction.file), *(part for name, share in likely for part in (name, f"{share:.6f}"))])

    return write


def _json_lines(target: _Target, classes: tuple[str, ...]) -> Writer:
    def write(prediction: Prediction, count: int) -> None:
        likely = [{"class": name, "probability": share} for name, share in _likeliest(prediction, classes, count)]
        target.write(json.dumps({"file": shown(prediction.file), "classes": likely}) + "\n")

    return write


def _likeliest(prediction: Prediction, classes: tuple[str, ...], count: int) -> list[tuple[str, float]]:
    assert prediction.probabilities is not None
    values, indices = prediction.probabilities.topk(count)
    return [(classes[index], share) for index, share in zip(indices.tolist(), values.tolist(), strict=True)]
