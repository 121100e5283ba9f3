"""Routes from files of weights that are there already: fitted to their network, measured once, kept as an artefact.

Files are known by their content: one that is replaced, at the same path, makes another artefact.

An accuracy is that on the validation split, as of every route. The file's maker has usually trained on these images
too, so it says that a teacher works here, not how good it is: it is to be at least what the maker says of the test
images, less a tolerance. Far less means other classes, another order of them, or images normalised otherwise.
"""

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from raykd.data.dataset import Dataset, DataSpec, load
from raykd.errors import InvalidError
from raykd.evaluation.accuracy import check_scores, constant_answer
from raykd.models.staged import Shape, Staged
from raykd.models.weights import Weights, content, load_weights, read_weights, share
from raykd.protocols.context import BuildContext
from raykd.protocols.fit import fit_of
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherRoute, TeacherSpec, write_checkpoint, write_records
from raykd.space.serialise import fingerprint
from raykd.teachers.measuring import measured_by

_MAKER_VERSION = 2  # since 2 averaged weights are taken where a file has them, and constant answers are noted


def check_files(teacher: TeacherSpec, files: Sequence[Path], data: DataSpec, weights: str | None = None) -> None:
    """Refuses files that do not hold the network's weights, under the key `weights`; reads them once per process.

    Without files the network brings its weights, which are got.
    """
    fit = fit_of(teacher, load(data, torch.device("cpu")))
    if not files:
        _check(teacher.model, None, None, "", fit.num_classes, fit.image)
    for file in files:
        _check(teacher.model, file, weights, content(file), fit.num_classes, fit.image)


def route_of_files(
    teacher: TeacherSpec, files: Sequence[Path], context: BuildContext, weights: str | None = None
) -> TeacherRoute:
    """The route of a teacher's files, in the order of their epochs; of none, the network as its model builds it.

    Args:
        weights: the key of each file's state dict; None for what its maker would evaluate.
    """
    dataset = context.dataset
    fit = fit_of(teacher, dataset)
    key = {
        "model": teacher.model,
        "files": sorted([content(file), str(_number_in(file))] for file in files),
        "data": context.data,
        "images": dataset.digest,
        "version": _MAKER_VERSION,
    } | fit.key(dataset)
    if weights is not None:
        key["weights"] = weights

    def make(folder: Path) -> None:
        records: list[dict[str, Any]] = []
        for number, (epoch, file) in enumerate(in_order(files, weights) or [(1, None)], 1):
            network, told = _network(teacher.model, file, weights, fit.num_classes, fit.image)
            measured = measured_by(fit, network.to(dataset.device), dataset)
            name = file.name if file else "its own weights"
            check_scores(measured, f"the teacher {name}")
            by = "" if fit.scores else " by the nearest centroid of its features"
            which = f"{name}, of its {told.key}," if told.passed_over else name
            context.say(f"teacher: {which} has validation accuracy {measured:.4f}{by}")
            write_checkpoint(folder, number, network.network.state_dict())
            records.append(
                {
                    "checkpoint": number,
                    "epoch": epoch,
                    "accuracy": measured,
                    "told": None if told.accuracy is None else share(told.accuracy, measured, dataset.num_classes),
                    "constant": constant_answer(network, dataset, dataset.validation) if fit.scores else None,
                }
            )
        write_records(folder, records)

    return TeacherRoute(teacher, context.get("route", fingerprint(key), make), dataset)


@runtime_checkable
class Demanding(Protocol):
    """What a teacher of files asks of its final checkpoint's validation accuracy, all of it 0 to 1."""

    @property
    def minimum_accuracy(self) -> float | None:
        """The least; None for a tenth of the way from chance to 1."""
        ...

    @property
    def expected_accuracy(self) -> float | None:
        """What its maker says; None for what its file says, if it does."""
        ...

    @property
    def tolerance(self) -> float:
        """By how much it may be below that."""
        ...


def check_shares(teacher: Demanding) -> None:
    """Refuses accuracies outside 0 to 1."""
    for name in ("minimum_accuracy", "expected_accuracy", "tolerance"):
        share = getattr(teacher, name)
        if share is not None and not 0 <= share <= 1:
            raise InvalidError(f"{name} must be 0 to 1, got {share}")


def check_accuracy(teacher: Demanding, route: TeacherRoute, name: str) -> None:
    """Refuses a route whose final teacher does not know these images; `name` is the teacher's in the message."""
    final, dataset = route.records[-1], route.dataset
    minimum, expected, tolerance = teacher.minimum_accuracy, teacher.expected_accuracy, teacher.tolerance
    chance = 1 / dataset.num_classes
    if minimum is None:
        rules = [(chance + 0.1 * (1 - chance), f"chance is {chance:.4f}; minimum_accuracy changes this")]
    else:
        rules = [(minimum, "minimum_accuracy")]
    if expected is not None:
        rules.append((expected - tolerance, f"expected_accuracy is {expected}, the tolerance {tolerance}"))
    elif (told := final["told"]) is not None:
        why = f"its file says {told:.4f}, the tolerance is {tolerance}; expected_accuracy changes this"
        rules.append((told - tolerance, why))
    least, why = max(rules)
    has, constant = f"validation accuracy {final['accuracy']:.4f}", final["constant"]
    same = "" if constant is None else f"; it answers class {constant} to every image"
    ask = f"are its classes in this order, and its images {_normalised(dataset)}?"
    if final["accuracy"] < least:
        raise InvalidError(f"the teacher {name} has {has}, which must be at least {least:.4f} ({why}){same}; {ask}")
    if constant is not None and minimum is None:
        raise InvalidError(
            f"the teacher {name} has {has} by answering class {constant} to every image, which tells nothing apart "
            f"(minimum_accuracy lets it pass); {ask}"
        )


@functools.lru_cache(maxsize=1024)
def _check(model: ModelSpec, file: Path | None, key: str | None, digest: str, num_classes: int, image: Shape) -> None:
    _network(model, file, key, num_classes, image)


def _network(
    model: ModelSpec, file: Path | None, key: str | None, num_classes: int, image: Shape
) -> tuple[Staged, Weights]:
    with torch.random.fork_rng(devices=[]):  # the initial weights are replaced
        network = model.build(num_classes, image)
    if file is None:
        return network, Weights({})
    weights = read_weights(file, key)
    load_weights(network.network, weights.state, file, type(network.network).__name__)
    return network, weights


def in_order(files: Sequence[Path], key: str | None) -> list[tuple[int, Path]]:
    """The files with their epochs, as they say themselves or else by the last number in their names.

    Raises:
        ValueError: one tells no epoch, or two the same.
    """
    epochs = {file: _epoch(file, key) for file in files}
    if len(files) == 1:
        return [(epochs[files[0]] or 1, files[0])]
    order: dict[int, Path] = {}
    for file, epoch in epochs.items():
        if epoch is None:
            raise InvalidError(f"{file} says no epoch, neither inside nor in its name; narrow the pattern")
        if epoch in order:
            raise InvalidError(f"{order[epoch].name} and {file.name} are both of epoch {epoch}; narrow the pattern")
        order[epoch] = file
    return sorted(order.items())


def _epoch(file: Path, key: str | None) -> int | None:
    told = read_weights(file, key).epoch
    return told if told is not None else _number_in(file)


def _number_in(file: Path) -> int | None:
    numbers = re.findall(r"\d+", file.stem)
    return int(numbers[-1]) if numbers else None


def _normalised(dataset: Dataset) -> str:
    mean, std = (", ".join(f"{value:.4f}" for value in values) for values in (dataset.mean, dataset.std))
    return f"normalised by mean ({mean}) and deviation ({std})"
