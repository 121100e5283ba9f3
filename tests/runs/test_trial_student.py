"""The student of a search's trial, by the trial's number."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import raykd
import tiny
from raykd.distributed.world import World
from raykd.errors import InvalidError, MissingError
from raykd.runs.student_file import STUDENT
from raykd.runs.trial import checkpoints_in, run_trial
from raykd.storage.artifacts import Store

NAME = "trial-0003-abcdef"


@pytest.fixture
def search(tmp_path: Path) -> Path:
    """A search's folder with a trial that has ended, one that has begun, and one whose checkpoint is gone."""
    folder, recipe = tmp_path / "search", tiny.recipe(epochs=2)
    for name, epochs in ((NAME, 2), ("trial-0004-abcdef", 1), ("trial-0005-abcdef", 2)):
        trial, world = folder / "trials" / name, World.alone(torch.device("cpu"))
        (folder / "trials").mkdir(parents=True, exist_ok=True)
        training = run_trial(recipe, trial, folder / "tensorboard" / name, Store(tmp_path / "store"), {}, world)
        for _ in range(epochs):
            next(training)
        training.close()  # pyright: ignore[reportAttributeAccessIssue]
    for checkpoint in checkpoints_in(folder / "trials" / "trial-0005-abcdef"):
        checkpoint.unlink()
    (folder / "search.json").write_text("{}")
    return folder


@pytest.mark.parametrize("trial", [3, "3", NAME])
def test_it_is_made_from_the_checkpoint_once(search: Path, trial: int | str):
    file = search / "trials" / NAME / STUDENT
    student = raykd.load_student(search, (tiny.TinyData,), trial)
    assert tiny.same_weights(load_file(file), student.network.state_dict())
    made = file.stat().st_mtime_ns
    raykd.load_student(search, (tiny.TinyData,), trial)
    assert file.stat().st_mtime_ns == made


def test_what_is_not_there_is_said_in_a_line(search: Path):
    with pytest.raises(MissingError, match=r"no trial 7 in .*search; "):
        raykd.load_student(search, trial=7)
    with pytest.raises(InvalidError, match=r"trial 4 of .* has ended 1 of its 2 epochs"):
        raykd.load_student(search, (tiny.TinyData,), 4)
    with pytest.raises(MissingError, match=r"trial 5 of .* has no student: the search kept the students of its best"):
        raykd.load_student(search, (tiny.TinyData,), 5)
    with pytest.raises(MissingError, match=r"is no search, so that it has no trial 3"):
        raykd.load_student(search.parent, trial=3)
