"""raykd: finds the best way to distil a big image classifier into a small one, on a laptop or on a cluster.

    study = raykd.load_study("search_spaces/digits.py")
    result = raykd.tune(study, trials=40, workers=1, storage="runs")
    result.best.recipe, result.best.metrics, result.frame, result.load_student()

Names are imported when they are first used: PyTorch and Ray take seconds that `--help` need not wait for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raykd.cluster.tune import tune
    from raykd.protocols.teacher import teacher_route
    from raykd.recipe import Recipe
    from raykd.runs.result import Result
    from raykd.storage.artifacts import Store
    from raykd.studies.study import Study
    from raykd.studies.study_file import load_study
    from raykd.teachers.chains import assistants, born_again
    from raykd.teachers.distilled import DistilledTeacher
    from raykd.teachers.folder import CheckpointFolder
    from raykd.teachers.pretrained import PretrainedTeacher
    from raykd.teachers.trained import Teacher
    from raykd.training.loop import distill

__version__ = "0.1.0.dev0"
__all__ = [
    "CheckpointFolder",
    "DistilledTeacher",
    "PretrainedTeacher",
    "Recipe",
    "Result",
    "Store",
    "Study",
    "Teacher",
    "assistants",
    "born_again",
    "distill",
    "load_study",
    "teacher_route",
    "tune",
]

_HOMES = {
    "CheckpointFolder": "raykd.teachers.folder",
    "DistilledTeacher": "raykd.teachers.distilled",
    "PretrainedTeacher": "raykd.teachers.pretrained",
    "Recipe": "raykd.recipe",
    "Result": "raykd.runs.result",
    "Store": "raykd.storage.artifacts",
    "Study": "raykd.studies.study",
    "Teacher": "raykd.teachers.trained",
    "assistants": "raykd.teachers.chains",
    "born_again": "raykd.teachers.chains",
    "distill": "raykd.training.loop",
    "load_study": "raykd.studies.study_file",
    "teacher_route": "raykd.protocols.teacher",
    "tune": "raykd.cluster.tune",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'raykd' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
