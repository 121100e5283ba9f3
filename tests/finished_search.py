"""The folder of a search that is made up: sixteen trials whose accuracy their learning rate alone decides."""

import json
import math
from pathlib import Path
from typing import Any

import pandas

from raykd.data.digits import Digits
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.models.cnn import CNN
from raykd.optim import SGD
from raykd.recipe import Recipe
from raykd.runs.confirmed import Run, confirmed
from raykd.runs.folder_format import FORMAT
from raykd.runs.verdict import verdict
from raykd.space.ranges import override
from raykd.space.serialise import to_text
from raykd.storage.atomic import write_text
from raykd.storage.local import LocalStorage
from raykd.studies.baselines import baselines
from raykd.teachers.trained import Teacher

BASE = Recipe(
    data=Digits(),
    student=CNN(widths=(3, 4)),
    teacher=Teacher(model=CNN(widths=(4, 5)), epochs=2, every=1),
    terms=(CrossEntropy(weight=0.1), KD(weight=0.9)),
    optimiser=SGD(lr=0.1),
    epochs=3,
)
COUNT = 16
LOCAL = LocalStorage(root=Path("runs"))  # which names files by their paths, wherever they are


def accuracy(number: int) -> float:
    return 0.5 + number / 40


def values(number: int) -> dict[str, Any]:
    """Every third trial has Quest, and with it a number of words."""
    own: dict[str, Any] = {"optimiser/lr": 0.01 * 1.3**number, "seed": (number * 7) % 5}
    own["terms/quest"] = "on" if number % 3 == 0 else "off"
    return own | ({"terms/quest/words": 32 * (1 + number)} if number % 3 == 0 else {})


def recipe(number: int) -> Recipe:
    own = values(number)
    if own.pop("terms/quest") == "on":
        own["terms/quest"] = Quest()
    return override(BASE, own)


def write_trial(folder: Path, name: str, own: dict[str, Any], made: Recipe, best: float, epochs: int = 3) -> None:
    trial = folder / "trials" / name
    trial.mkdir(parents=True)
    write_text(trial / "recipe.json", to_text(made))
    write_text(trial / "values.json", json.dumps(own))
    lines = [
        {"number": number, "seconds": 2.0, "diverged": False, "val/accuracy": best - 0.1 * (epochs - number)}
        | {"train/anchor": min(number, 2.0), "train/keep": 1.0}
        for number in range(1, epochs + 1)
    ]
    write_text(trial / "epochs.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def finished_search(folder: Path, *, words: str = "lr {}") -> Path:
    """Writes it: all trials complete but the first, which was stopped, and one that failed before its first epoch.

    Args:
        words: of a setting, with a place for the trial's number.
    """
    folder.mkdir(parents=True)
    record = {"study": "made up", "recipe": "abc", "trials": COUNT, "seed": 0, "versions": {"raykd": "0.1.0"}}
    write_text(folder / "search.json", json.dumps(record | {"format": FORMAT, "confirm": 2, "file": "made_up.py"}))
    write_text(folder / "base_recipe.json", to_text(BASE))
    rows: list[dict[str, Any]] = []
    for number in range(COUNT):
        name, outcome = f"trial-{number:04d}-abc", "complete" if number else "stopped"
        write_trial(folder, name, values(number), recipe(number), accuracy(number), epochs=3 if number else 1)
        rows.append({"name": name, "setting": words.format(number), "baseline": False, "outcome": outcome})
        rows[-1] |= {"val/accuracy": accuracy(number), "test/accuracy": 0.8 if number == COUNT - 1 else math.nan}
    for word, made in baselines(BASE).items():
        name = f"{word.replace(' ', '-')}-abc"
        write_trial(folder, name, {}, made, 0.7)
        rows.append({"name": name, "setting": word, "baseline": True, "outcome": "complete", "val/accuracy": 0.7})
    rows.append({"name": "trial-0099-abc", "setting": "no memory", "baseline": False, "outcome": "failed"})
    pandas.DataFrame(rows).to_csv(folder / "trials.csv", index=False)
    found = confirmed([*_runs(f"trial-{COUNT - 1:04d}-abc", words.format(COUNT - 1), 0.9), *_baselines()], 2, 0.0)
    found.frame.to_csv(folder / "confirmation.csv", index=False)
    summary = {"best": rows[COUNT - 1]["name"], "verdict": verdict(found), "metrics": {}, "test_accuracy": 0.8}
    write_text(folder / "summary.json", json.dumps(summary | {"teacher": 0.95, "confirmed": found.to_json()}))
    ended = {row["name"]: {"kind": row["outcome"], "accuracy": row.get("val/accuracy"), "epochs": 3} for row in rows}
    status = {"host": "here", "pid": 1, "total": len(rows), "doing": "", "running": [], "ended": ended}
    write_text(folder / "status.json", json.dumps(status))
    return folder


def _runs(name: str, setting: str, mean: float, is_baseline: bool = False) -> list[Run]:
    """With two seeds, a point better and a point worse."""
    return [
        Run(
            candidate=name,
            setting=setting,
            is_baseline=is_baseline,
            number=number,
            outcome="complete",
            validation=mean + 0.01 * (-1) ** number,
            test=mean - 0.05,
        )
        for number in (1, 2)
    ]


def _baselines() -> list[Run]:
    return [*_runs("plain-KD-abc", "plain KD", 0.7, True), *_runs("student-alone-abc", "student alone", 0.68, True)]
