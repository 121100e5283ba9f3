"""raykd: finds the best way to distil a big image classifier into a small one, on a laptop or on a cluster.

    study = raykd.load_study("digits")                  # or the path of a file
    result = raykd.tune(study, trials=40, workers=1, storage="runs")
    result.best.recipe, result.confirmed, result.frame, result.load_student()

Search
    Study               what is searched: a recipe, its ranges, choices and first settings
    study_of            a study from pictures, a teacher and a student, as long as a time allows
    tune                the whole search; gives a Result
    confirm             recipes of one's own, compared over fresh seeds; gives a Result
    Result              what it found: a table, the best recipe, its student, how sure that is

Run
    Recipe              everything that decides one run
    distill             the run itself, an epoch at a time, for a loop of one's own
    accuracy            how good a student is on a split
    load_student        a student from its file, to predict with

Teachers
    Teacher             one that is trained here
    PretrainedTeacher   one in a file of weights
    CheckpointFolder    one that left its checkpoints in a folder
    DistilledTeacher    the student of another recipe
    assistants          a chain of teachers, each smaller than the one before
    born_again          a chain of teachers that are all alike
    teacher_route       a teacher's checkpoints, made unless the store has them

Files
    load_study          the study in a file, or one that ships with raykd
    load_recipe         the recipe in a recipe.json or best_recipe.json
    load_result         what a search found, from its folder
    Store               what teachers leave for every run: routes, codebooks, auxiliary teachers

One's own methods, networks, data (see docs/own.md, "Add one in one file")
    searched            a field with its default and the range that a search draws it from
    Staged              a network cut into stem, stages and head
    UserError           what every error is that a person can mend

Names are imported when they are first used: PyTorch and Ray take seconds that `--help` need not wait for.
"""

import ast
import importlib
from pathlib import Path
from typing import Any

__version__ = "0.1.0.dev0"

_HOMES = {
    name.asname: line.module
    for line in ast.parse(Path(__file__).with_suffix(".pyi").read_text()).body
    if isinstance(line, ast.ImportFrom) and line.module
    for name in line.names
    if name.asname
}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll] (it reads the stub, which is the one list)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'raykd' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
