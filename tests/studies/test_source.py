"""A study written as a file is the same study when it is read."""

from dataclasses import dataclass, replace

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

import raykd
import tiny
from raykd.data.image_folder import ImageFolder
from raykd.methods.kd import KD
from raykd.methods.rco import EqualInterval
from raykd.studies.shipped import shipped_studies
from raykd.studies.source import to_source
from raykd.studies.study import Study
from raykd.studies.study_file import load_study


@pytest.mark.parametrize("name", shipped_studies())
def test_every_shipped_study_is_read_back(name, tmp_path):
    study = raykd.load_study(name)
    file = tmp_path / "again.py"
    file.write_text(to_source(study, "As it ships."))
    assert load_study(file) == study
    assert max(map(len, file.read_text().splitlines())) <= 120


def test_what_is_as_by_default_is_not_written():
    text = to_source(Study(recipe=tiny.recipe(terms=(KD(),)), trials=7), "Seven.")
    assert text.endswith("study = Study(recipe=recipe, trials=7)\n")
    assert "temperature" not in text


def test_odd_names_and_ranges_are_read_back(tmp_path):
    """Quotes, a backslash and letters of other alphabets within a path; steps, and one option alone."""
    data = ImageFolder(root='/nowhere/Ada\'s "pictures"\\кот')
    ranges = {
        "optimiser/lr": FloatDistribution(0.01, 0.5, step=0.01),
        "optimiser/nesterov": CategoricalDistribution((True, False)),
        "terms/kd/temperature": FloatDistribution(1.0, 9.0, log=True),
        "route/count": IntDistribution(1, 5, step=2),
    }
    recipe = replace(tiny.recipe(terms=(KD(),), route=EqualInterval(count=3)), data=data)
    first = ({"terms/kd/temperature": 2.0},)
    study = Study(recipe=recipe, ranges=ranges, first=first, name="odd")
    file = tmp_path / "odd.py"
    file.write_text(to_source(study, "Odd."))
    assert load_study(file) == study


def test_a_class_that_no_file_can_import_is_refused():
    @dataclass(frozen=True, kw_only=True)
    class Mine(KD):
        name = "mine"

    with pytest.raises(ValueError, match="can't be imported by a study's file"):
        to_source(Study(recipe=tiny.recipe(terms=(Mine(),))), "Mine.")
