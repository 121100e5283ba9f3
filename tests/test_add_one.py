"""The guide docs/own.md, "Add one in one file": its files are taken from there, and each is a study that works."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from raykd.cluster.tuner.trials import Trials
from raykd.space.ranges import override, space
from raykd.space.serialise import decode, encode
from raykd.storage.artifacts import Store
from raykd.storage.local import LocalStorage
from raykd.studies.study import Study
from raykd.studies.study_file import load_study, own_types, study_module
from raykd.testing import check_component
from tiny import finish

GUIDE = Path(__file__).parents[1] / "docs" / "own.md"
SHORT = {"epochs": 1, "batch_size": 32, "teacher/epochs": 1}
KINDS = {"A method": "Logits", "A model": "MyNet", "A data set": "Pictures"}

every_kind = pytest.mark.parametrize("kind", KINDS)


def guide() -> dict[str, str]:
    """The files of the guide, by the heading that they stand under."""
    _, *parts = re.split(r"^## (.+)$", GUIDE.read_text(), flags=re.M)
    blocks = [re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S) for text in parts[1::2]]
    assert all(len(found) == 1 for found in blocks)
    return dict(zip(parts[::2], (found[0] for found in blocks), strict=True))


@pytest.fixture
def study(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The guide's file of a kind, read as `launch/tune.py --study` reads it, in a folder with a file of pictures."""
    monkeypatch.chdir(tmp_path)
    stream = np.random.default_rng(0)
    images = stream.integers(256, size=(400, 3, 8, 8), dtype=np.uint8)
    np.savez("pictures.npz", images=images, labels=stream.integers(4, size=400))
    Path("mine.py").write_text(guide()[kind])
    return load_study("mine.py")


def own_part(study: Study, kind: str) -> Any:
    """What the file adds, as it stands in the study's recipe."""
    parts = (study.recipe.data, study.recipe.student, *study.recipe.terms)
    (part,) = (part for part in parts if type(part).__name__ == KINDS[kind])
    return part


def test_the_guide_has_a_file_of_each_kind():
    assert guide().keys() == KINDS.keys()


@every_kind
def test_a_file_is_a_study_whose_every_setting_can_work(kind: str, study: Study):
    study.check(num_processes=2)
    assert type(own_part(study, kind)) in own_types(study)


@every_kind
def test_what_a_file_adds_keeps_its_promises(kind: str, study: Study):
    check_component(own_part(study, kind), **({"image": (1, 8, 8)} if kind == "A model" else {}))


def test_a_broken_promise_is_told_with_the_line_that_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    broken = guide()["A method"].replace(".square()", ".square().neg().sqrt()")
    Path("mine.py").write_text(broken)
    line = broken.splitlines().index("check_term(Logits())") + 1
    message = rf"^mine\.py, line {line}: AssertionError: Logits: its loss must be a finite number, got nan$"
    with pytest.raises(ValueError, match=message):
        load_study("mine.py")


@every_kind
def test_a_file_trains(kind: str, study: Study, tmp_path: Path):
    found = finish(override(study.recipe, SHORT), Store(tmp_path / "artifacts"))
    assert found.metrics[0]["train/loss"] > 0
    if kind == "A method":
        assert found.metrics[0]["train/logits"] > 0


@every_kind
def test_a_search_draws_its_settings_and_makes_trials_of_them(kind: str, study: Study, tmp_path: Path):
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    study.suggest(trial)
    optuna.logging.set_verbosity(before)
    drawn = {path.rpartition("/")[2] for path in trial.params}
    assert space(own_part(study, kind)).keys() <= drawn
    job = Trials(study, tmp_path, LocalStorage(root=tmp_path)).job({"number": 0, "values": dict(trial.params)})
    assert job.recipe == study.recipe_of(trial.params) != study.recipe
    assert decode(encode(job.recipe), own_types(study)) == job.recipe  # as best_recipe.json is read
    assert study_module(study) is not None  # how the workers get its classes


def test_what_is_wrong_in_ones_own_data_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(guide()["A data set"])
    with pytest.raises(FileNotFoundError, match=r"pictures\.npz"):
        load_study("mine.py").check()
