"""A tiny study of two goals, whose students cost what stands here."""

from pathlib import Path
from typing import Any

from small_studies import tiny_study

import tiny
from raykd.cluster.tuner.trials import Trials
from raykd.evaluation.cost import Cost
from raykd.models.cnn import CNN
from raykd.runs.costs import Costs
from raykd.storage.local import LocalStorage
from raykd.studies.sizes import aimed, students
from raykd.studies.study import Study

STUDENTS = {"own": tiny.STUDENT, "thin": CNN(widths=(2, 3)), "wide": CNN(widths=(8, 12))}
PRICES = {"own": 200, "thin": 100, "wide": 400}


def study(**changes: Any) -> Study:
    """Of which the first settings are one with each student."""
    first = tuple({"student": name, "optimiser/lr": 0.1} for name in STUDENTS)
    return aimed(tiny_study(**({"sizes": {"student": STUDENTS}, "first": first} | changes)), "parameters")


def trials(folder: Path, made: Study | None = None) -> Trials:
    """The trials of a search of it."""
    made = made or study()
    words = {key: name for key, (name, _) in students(made).items()}
    costs = Costs(
        image=tiny.IMAGE,
        classes=tiny.NUM_CLASSES,
        device="made up",
        threads=1,
        load=0.0,
        students={
            key: Cost(parameters=PRICES[name], multiply_adds=0, latency_ms={}, device="made up", threads=1)
            for key, name in words.items()
        },
        words=words,
    )
    return Trials(made, folder, LocalStorage(root=folder.parent), costs=costs)
