"""`raykd evaluate`: what a trained student is good for, measured as the papers do."""

import argparse
import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from safetensors.torch import save

from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.errors import InvalidError
from raykd.evaluation import evaluate
from raykd.evaluation.embeddings import METRICS
from raykd.reporting.status_line import StatusLine
from raykd.runs.student import Trained, find, trained
from raykd.storage.atomic import write_text
from raykd.storage.layout import is_plain
from raykd.studies.study_file import load_study, own_types

EVALUATION = "evaluation.json"
_LABELS = {
    "top_1": "top-1 accuracy",
    "top_5": "top-5 accuracy",
    "mean_average_precision": "retrieval, mAP",
    "precision_at": "retrieval, precision at",
    "nearest_centroid": "nearest centroid",
    "linear_probe": "linear probe",
    "identification": "identification at rank 1",
}
_RELEASED = "/released"


def run_evaluate(options: argparse.Namespace) -> int:
    """Measures the student of a folder, shows the values and keeps them in the folder's `evaluation.json`."""
    device = World.current(options.device).device
    held_out = _classes(options.held_out)
    folder, storage = find(options.folder, options.storage)
    student = trained(folder, own_types(load_study(options.study)) if options.study else ())
    known = _read(folder / EVALUATION)
    split = "test" if options.test else "validation"
    line = StatusLine(Console(highlight=False, soft_wrap=True))
    with line:
        dataset, measures = load(student.recipe.data, device), options.measure or ()
        values = evaluate(
            student.build(device), dataset, split=split, measures=measures, held_out=held_out, say=line.status
        )
    line.say(f"{student.whose}, on the {split} split:")
    line.console.print(_table(values), soft_wrap=False)
    if set(held_out) & set(dataset.train.labels.tolist()):
        line.say("identification: the student was trained on held-out classes; new ones may be told apart less well")
    _keep(folder / EVALUATION, known, student, split, values, line)
    storage.push(folder / EVALUATION)
    return 0


def _classes(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",")) if text is not None else ()
    except ValueError:
        raise InvalidError(f"--held-out: needs classes such as 7,8,9, got {text!r}") from None


def _read(file: Path) -> dict[str, Any]:
    """What was measured before; nothing where there is no such file."""
    if not file.exists():
        return {}
    try:
        known = json.loads(file.read_text())
    except ValueError:
        known = None
    if not isinstance(known, dict) or not is_plain(str(known.get("student", ""))):
        raise InvalidError(f"{file} holds no evaluation of raykd; move it out of the way")
    return known


def _keep(
    file: Path, known: dict[str, Any], student: Trained, split: str, values: dict[str, float], line: StatusLine
) -> None:
    """Adds values to those that the file has of this student, by split; another student's stay in a file of theirs."""
    digest = hashlib.sha256(save(student.weights)).hexdigest()
    if known and known["student"] != digest:
        before = file.with_stem(f"{file.stem}-{known['student'][:8]}")
        file.rename(before)
        line.say(f"{file.name} was of another student; it is kept as {before.name}")
        known = {}
    old = known.get(split, {})
    for name, value in values.items():
        if name in old and f"{old[name]:.4f}" != f"{value:.4f}":
            line.say(f"{file.name} had {name} {old[name]:.4f}; it now has {value:.4f}")
    write_text(file, json.dumps({"student": digest} | known | {split: old | values}, indent=2) + "\n")
    line.say(f"kept in {shlex.quote(str(file))}")


def _table(values: dict[str, float]) -> Table:
    """A row for each measure; those that depend on a metric have a value for each."""
    table = Table("measure", "value", "cosine", "L2")
    rows: dict[str, dict[str, float]] = {}
    for name, value in values.items():
        measure, _, metric = name.removesuffix(_RELEASED).partition("/")
        released = ", as the released code" if name.endswith(_RELEASED) else ""
        rows.setdefault(_label(measure) + released, {})[metric] = value
    for label, row in rows.items():
        table.add_row(label, *(f"{row[metric]:.4f}" if metric in row else "" for metric in ("", *METRICS)))
    return table


def _label(measure: str) -> str:
    if measure in _LABELS:
        return _LABELS[measure]
    start, _, k = measure.rpartition("_")
    return f"{_LABELS[start]} {k}"
