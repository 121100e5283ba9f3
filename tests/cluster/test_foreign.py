"""A search over a study file of whose recipe every component is a class of the user's own."""

from pathlib import Path

import pytest

import raykd
import tiny
from raykd.runs.trial import read_epochs
from raykd.space.serialise import from_file
from raykd.storage.artifacts import Store
from raykd.studies.study_file import load_study, own_types

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.timeout(200),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]
FILE = Path(__file__).parents[1] / "foreign_study.py"


def test_a_study_of_ones_own_classes_is_searched(tmp_path: Path):
    study = load_study(FILE)
    found = raykd.tune(study, trials=3, slots=2, storage=tmp_path, name="search")
    trials = found.frame[~found.frame["baseline"]]
    assert len(trials) == 3 and not found.interrupted
    assert set(found.frame["outcome"]) <= {"complete", "stopped"}
    assert set(trials.columns) >= study.every_range().keys()
    assert 2.0 in set(found.frame["optimiser/schedule/power"])  # the first trial that the study names

    for name in trials["name"]:
        folder = found.folder / "trials" / name
        recipe = from_file(folder / "recipe.json", own_types(study))
        assert type(recipe.optimiser).__module__ == "raykd_study_foreign_study"
        told = read_epochs(folder)
        again = tiny.finish(recipe, Store(tmp_path / "elsewhere")).metrics[: len(told)]
        assert [{key: record[key] for key in metrics} for record, metrics in zip(told, again, strict=True)] == again

    student = found.load_student()  # its classes are found without being named
    assert student.staged.num_stages == 2
    assert isinstance(found.best.recipe, type(study.recipe))
