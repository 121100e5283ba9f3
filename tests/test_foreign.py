"""A user's own class of every protocol goes everywhere that raykd's own go: `override`, JSON, a run, a search.

The classes are those of `foreign_study.py`, read as `--study` reads it. `tests/cluster/test_foreign.py` searches it.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from PIL import Image

import tiny
from raykd.cluster.tuner.trials import Trials
from raykd.data.formats.layouts import Layout, Listing
from raykd.data.image_folder import ImageFolder
from raykd.optim import SGD, Cosine
from raykd.space.ranges import override, paths, space, value_at
from raykd.space.serialise import decode, encode, fingerprint
from raykd.storage.artifacts import Store
from raykd.storage.local import LocalStorage
from raykd.studies.study import Study
from raykd.studies.study_file import load_study, own_types
from raykd.training.loop import distill

FILE = Path(__file__).with_name("foreign_study.py")
STUDY = load_study(FILE)
RECIPE = STUDY.recipe
TYPES = own_types(STUDY)
OWN = {  # by the path of what they stand for
    "data": RECIPE.data,
    "student": RECIPE.student,
    "teacher": RECIPE.teacher,
    "start": RECIPE.start,
    "terms/scaled": RECIPE.terms[0],
    "route": RECIPE.route,
    "swap": RECIPE.swap,
    "optimiser": RECIPE.optimiser,
    "optimiser/schedule": RECIPE.optimiser.schedule,
}
SEARCHED = {
    "student/width",
    "start/factor",
    "terms/scaled/weight",
    "route/share",
    "swap/steps",
    "optimiser/lr",
    "optimiser/schedule/power",
}

every_own = pytest.mark.parametrize("path", OWN)
every_range = pytest.mark.parametrize("path", sorted(SEARCHED))


def test_no_component_is_raykds():
    assert all(type(own).__module__ == "raykd_study_foreign_study" for own in OWN.values())


# override


@every_own
def test_it_takes_the_place_of_raykds_own_and_gives_it_back(path: str):
    base = tiny.recipe(optimiser=SGD(schedule=Cosine()))
    placed = override(base, {path: OWN[path]})
    assert value_at(placed, path) is OWN[path]
    inside = [name for name in paths(placed) if name.startswith(f"{path}/")]
    assert inside == [f"{path}/{name}" for name in paths(OWN[path])]
    back = override(placed, {path: None if path.startswith("terms/") else value_at(base, path)})
    assert back == base


@every_own
def test_its_fields_are_overridden_by_path(path: str):
    for field in dataclasses.fields(OWN[path]):
        whole = f"{path}/{field.name}"
        old = value_at(RECIPE, whole)
        new = {int: old + 1, float: old * 1.25, bool: not old}[type(old)] if isinstance(old, int | float) else old
        changed = override(RECIPE, {whole: new})
        assert value_at(changed, whole) == new
        assert override(changed, {whole: old}) == RECIPE
        with pytest.raises(ValueError, match=rf"{whole}: .*needs|{whole}: {field.name} must be"):
            override(RECIPE, {whole: "wrong"})


def test_a_value_reaches_into_a_component_that_the_same_call_brings():
    changed = override(tiny.recipe(), {"optimiser/schedule": OWN["optimiser/schedule"], "optimiser/schedule/power": 2})
    assert value_at(changed, "optimiser/schedule/power") == 2.0


# the space, and JSON


def test_its_searched_fields_are_in_the_space():
    assert space(RECIPE).keys() == SEARCHED


@every_own
def test_it_comes_back_from_json(path: str):
    for value in (OWN[path], override(tiny.recipe(), {path: OWN[path]})):
        back = decode(json.loads(json.dumps(encode(value))), (*TYPES, tiny.TinyData))
        assert back == value
        assert fingerprint(back) == fingerprint(value)


def test_a_file_names_no_class_that_is_not_given():
    with pytest.raises(ValueError, match=r"unknown class 'raykd_study_foreign_study\.\w+'; it is neither raykd's own"):
        decode(encode(RECIPE))


# a run


@every_own
def test_a_run_with_it_repeats_and_resumes_bit_for_bit(path: str, tmp_path: Path):
    """Each alone among raykd's own components, resumed after each of its epochs."""
    spec = override(tiny.recipe(epochs=3), {path: OWN[path]})
    resumes_everywhere(spec, Store(tmp_path))


def test_a_run_with_all_of_them_repeats_and_resumes_bit_for_bit(tmp_path: Path):
    resumes_everywhere(RECIPE, Store(tmp_path))


def resumes_everywhere(spec: Any, store: Store) -> None:
    states: list[Any] = []
    for epoch in distill(spec, store=store):
        states.append(epoch.state())
    whole = tiny.finish(spec, store)
    assert len(whole.metrics) == spec.epochs
    assert all(math.isfinite(value) for metrics in whole.metrics for value in metrics.values())
    for number, state in enumerate(states[:-1], 1):
        rest = tiny.finish(spec, store, state)
        assert rest.metrics == whole.metrics[number:]
        assert tiny.same_weights(rest.weights, whole.weights)


# a search


def test_every_setting_of_a_study_can_work():
    STUDY.check(num_processes=2)
    assert STUDY.every_range().keys() == SEARCHED | STUDY.choices.keys()


@every_range
def test_a_search_draws_it(path: str, tmp_path: Path):
    ranges = STUDY.every_range()
    drawn = {name: found.choices[0] for name, found in ranges.items() if isinstance(found, CategoricalDistribution)}
    drawn |= {name: value_at(RECIPE, name) for name in SEARCHED} | {path: ranges[path].high}  # pyright: ignore
    trial = optuna.trial.FixedTrial(drawn)
    STUDY.suggest(trial)
    assert trial.params == drawn
    spec = STUDY.recipe_of(trial.params)
    assert value_at(spec, path) == drawn[path] != value_at(RECIPE, path)
    assert override(spec, {path: value_at(RECIPE, path)}) == RECIPE
    assert STUDY.complete({path: drawn[path]}) == drawn
    job = Trials(STUDY, tmp_path / "search", LocalStorage(root=tmp_path)).job({"number": 0, "values": drawn})
    assert decode(encode(job.recipe), TYPES) == job.recipe == spec


def test_the_types_of_a_study_made_in_python_are_known_too():
    """As in a notebook, where there is no file to look into."""
    choices = {"terms/scaled": {"off": None, "on": OWN["terms/scaled"]}}
    study = Study(recipe=tiny.recipe(swap=OWN["swap"]), choices=choices)
    for spec in study.every_component():
        assert decode(encode(spec), own_types(study)) == spec


# a layout of a folder of pictures


@dataclasses.dataclass(frozen=True, kw_only=True)
class ByFirstLetter:
    """The class of a picture is the first letter of its name."""

    name: ClassVar[str] = "by_first_letter"
    tested: int = 2

    def read(self, root: Path) -> Listing:
        names = sorted(path.name for path in root.glob("*.png"))
        classes = tuple(sorted({name[0] for name in names}))
        labelled = [{name: classes.index(name[0]) for name in part} for part in (names[::2], names[1::2])]
        return Listing(root=root, classes=classes, train=labelled[0], test=labelled[1])


def test_a_layout_of_ones_own_reads_a_folder(tmp_path: Path):
    assert isinstance(ByFirstLetter(), Layout)
    for number in range(12):
        pixels = np.full((8, 8, 3), 20 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{'ab'[number // 6]}{number:02d}.png")
    spec = override(ImageFolder(root=str(tmp_path), cache=None), {"layout": ByFirstLetter(), "layout/tested": 3})
    assert value_at(spec, "layout/tested") == 3
    assert decode(encode(spec), [ByFirstLetter]) == spec
    dataset = spec.load()
    assert (dataset.num_classes, len(dataset.train), len(dataset.validation), len(dataset.test)) == (2, 5, 1, 6)
    assert dataset.test.labels.tolist() == [0, 0, 0, 1, 1, 1]
