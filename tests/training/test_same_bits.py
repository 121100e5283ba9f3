"""The same bits whoever starts a run or asks for an artefact, however many threads their process has."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from raykd.data.digits import Digits
from raykd.distributed.world import World
from raykd.methods.ab import AB
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.ft import FT
from raykd.methods.infoflow import InfoFlow
from raykd.methods.ofd import OFD
from raykd.methods.quest import Quest
from raykd.models.cnn import CNN
from raykd.protocols.teacher import teacher_route
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.teachers.distilled import DistilledTeacher
from raykd.teachers.trained import Teacher
from raykd.training.loop import distill, prepare

STUDENT, BATCH = CNN(widths=(16, 24)), 128
SHORT = FirstStage(epochs=1, batch_size=BATCH)
TEACHER = Teacher(model=CNN(widths=(32, 48)), epochs=1, every=1, batch_size=BATCH)
KINDS = {"route", "features", "codebook", "moments", "auxiliary", "start", "paraphraser"}


# What every kind of artefact is made for.
EVERYTHING = Recipe(
    data=Digits(),
    student=STUDENT,
    teacher=TEACHER,
    start=AB(first_stage=SHORT),
    terms=(
        CrossEntropy(),
        Quest(words=16, max_vectors=2000, iterations=3),
        OFD(),
        FT(first_stage=SHORT),
        InfoFlow(auxiliary=Auxiliary(model=STUDENT, pretrain_epochs=1, epochs=1, batch_size=BATCH)),
    ),
    epochs=1,
    batch_size=BATCH,
)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def with_threads(make: Callable[[Path], Any], folder: Path) -> list[Any]:
    """What is made in a folder by a process with one thread, and with two."""
    made: list[Any] = []
    for number in (1, 2):
        torch.set_num_threads(number)
        made.append(make(folder / str(number)))
        assert torch.get_num_threads() == number
    return made


def sums(store: Path) -> dict[str, str]:
    """Of all files of artefacts, but for the manifests, which say when."""
    files = [file for kind in KINDS for file in (store / kind).glob("*/*") if file.suffix in (".safetensors", ".npy")]
    return {str(file.relative_to(store)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def digest(weights: dict[str, torch.Tensor]) -> str:
    return hashlib.sha256(b"".join(value.numpy().tobytes() for value in weights.values())).hexdigest()


def test_every_artefact_has_the_same_bits(tmp_path: Path):
    """Whatever the threads of the run that asks for it."""

    def make(folder: Path) -> dict[str, str]:
        prepare(EVERYTHING, Store(folder), World.alone(torch.device("cpu")), lambda line: None)
        return sums(folder)

    one, two = with_threads(make, tmp_path)
    assert {name.split("/")[0] for name in one} == KINDS
    assert one == two


@pytest.mark.parametrize("threads", [1, None])
def test_a_run_has_the_same_bits_where_its_recipe_says_how_many_compute(threads: int | None, tmp_path: Path):
    recipe = Recipe(data=Digits(), student=TEACHER.model, epochs=1, batch_size=BATCH, threads=threads)

    def make(folder: Path) -> Any:
        (epoch,) = distill(recipe, store=Store(folder), device="cpu")
        return digest(epoch.student()), epoch.metrics

    one, two = with_threads(make, tmp_path)
    assert (one == two) == (threads == 1)


def test_a_teacher_that_was_a_student_has_the_same_bits(tmp_path: Path):
    recipe = Recipe(data=Digits(), student=TEACHER.model, epochs=1, batch_size=BATCH)

    def make(folder: Path) -> Any:
        teacher_route(DistilledTeacher(recipe=recipe), Digits(), Store(folder), device=torch.device("cpu"))
        return sums(folder)

    one, two = with_threads(make, tmp_path)
    assert one == two


def test_how_many_train_a_teacher_is_part_of_its_name(tmp_path: Path):
    for number in (1, 2):
        teacher = Teacher(model=STUDENT, epochs=1, batch_size=BATCH, threads=number)
        teacher_route(teacher, Digits(), Store(tmp_path), device=torch.device("cpu"))
    assert len(list(tmp_path.glob("route/*"))) == 2
