"""How long a recipe takes is measured before there is a teacher, and nothing of that stays."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from owned import MODEL, knowing, save
from raykd.cluster import rehearsal
from raykd.cluster.rehearsal import Rehearsal, rehearse, scratch, untaught
from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.models.cifar_resnet import ResNet
from raykd.models.cnn import CNN
from raykd.protocols.context import BuildContext
from raykd.protocols.epoch import Epoch
from raykd.protocols.teacher import teacher_route
from raykd.recipe import Recipe
from raykd.space.ranges import value_at
from raykd.storage.artifacts import Store
from raykd.teachers.chains import assistants
from raykd.teachers.pretrained import PretrainedTeacher

WORLD = World.alone(torch.device("cpu"))
AUXILIARY = Auxiliary(model=CNN(widths=(5, 7)), epochs=1, pretrain_epochs=1, batch_size=8)


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Recipe]]:
    """Every epoch takes as many seconds as its student's first stage is wide; the recipes that were trained."""
    trained: list[Recipe] = []
    whole = rehearsal.distill

    def timed(recipe: Recipe, **options: Any) -> Iterator[Epoch]:
        for epoch in whole(recipe, **options):
            trained.append(recipe)
            yield replace(epoch, seconds=float(value_at(recipe, "student/widths")[0]))

    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(rehearsal, "distill", timed)
    monkeypatch.setattr(rehearsal.tempfile, "tempdir", str(temporary))
    yield trained
    # The marks of what was checked are this user's, on this machine, and stay for the next command.
    assert [path.name for path in temporary.glob("raykd-*") if not path.name.startswith("raykd-verified-")] == []


def rehearsed(recipe: Recipe, folder: Path) -> Rehearsal:
    store = folder / "store"
    before = {path: path.stat().st_mtime_ns for path in (store, *store.rglob("*")) if store.exists()}
    found = rehearse(recipe, Store(store, makes=()), WORLD)
    assert {path: path.stat().st_mtime_ns for path in (store, *store.rglob("*")) if store.exists()} == before
    return replace(found, teacher_outputs="", teacher_share=0.0)


def test_it_tells_what_would_be_kept_and_what_that_saves(tmp_path: Path):
    found = rehearse(tiny.recipe(), Store(tmp_path, makes=()), WORLD)
    assert found.teacher_outputs == "what the teacher says (logits; 8.6 KB for all views) would be kept"
    assert 0.0 < found.teacher_share < 1.0
    small = rehearse(tiny.recipe(), Store(tmp_path, makes=(), room=100), WORLD)
    assert small.teacher_outputs.endswith("is not kept, as there is no room for it")


@pytest.mark.usefixtures("clocked")
def test_a_teacher_that_is_not_there_takes_its_epochs(tmp_path: Path):
    """The student's stage is 4 wide, the teacher's 6, and the teacher has 4 epochs."""
    told = rehearsed(tiny.recipe(), tmp_path)
    assert told == Rehearsal(epoch_seconds=4.0, teacher_seconds=4 * 6.0)


def test_one_that_is_there_takes_nothing(tmp_path: Path, clocked: list[Recipe]):
    recipe = tiny.recipe()
    teacher_route(tiny.TEACHER, recipe.data, Store(tmp_path / "store"), device="cpu")
    assert rehearsed(recipe, tmp_path) == Rehearsal(epoch_seconds=4.0)
    assert set(clocked) == {recipe}  # with its own teacher


def test_a_chain_takes_the_epochs_of_those_that_are_not_there(tmp_path: Path, clocked: list[Recipe]):
    """Assistants of 7 and 5 take 3 epochs each, the teacher of 6 takes 4."""
    recipe = assistants(tiny.recipe(epochs=3), [CNN(widths=(7, 8)), CNN(widths=(5, 6))], every=3)
    assert rehearsed(recipe, tmp_path) == Rehearsal(epoch_seconds=4.0, teacher_seconds=3 * 5.0 + 3 * 7.0 + 4 * 6.0)
    last, first = (value_at(recipe, path) for path in ("teacher", "teacher/recipe/teacher"))
    teacher_route(first, recipe.data, Store(tmp_path / "store"), device="cpu")
    assert rehearsed(recipe, tmp_path) == Rehearsal(epoch_seconds=4.0, teacher_seconds=3 * 5.0)
    teacher_route(last, recipe.data, Store(tmp_path / "store"), device="cpu")
    assert rehearsed(recipe, tmp_path) == Rehearsal(epoch_seconds=4.0)


@pytest.mark.usefixtures("clocked")
def test_a_file_of_weights_is_only_read(tmp_path: Path):
    file = save(knowing(), tmp_path / "teacher.pth")
    recipe = tiny.recipe(teacher=PretrainedTeacher(model=MODEL, file=str(file)))
    assert rehearsed(recipe, tmp_path) == Rehearsal(epoch_seconds=4.0)


@pytest.mark.usefixtures("clocked")
def test_words_and_anchors_need_no_teacher_but_what_takes_a_training_does(tmp_path: Path):
    composed = tiny.composed()
    assert rehearsed(composed, tmp_path) == Rehearsal(epoch_seconds=4.0, teacher_seconds=4 * 6.0)
    helped = replace(composed, terms=(*composed.terms[:-1], InfoFlow(weight=100.0, auxiliary=AUXILIARY)))
    assert rehearsed(helped, tmp_path) == Rehearsal(missing="auxiliary")
    store = Store(tmp_path / "store")
    next(rehearsal.distill(helped, store=store, world=WORLD))
    assert rehearsed(helped, tmp_path) == Rehearsal(epoch_seconds=4.0)


@pytest.mark.usefixtures("clocked")
def test_a_student_alone_has_no_teacher_to_wait_for(tmp_path: Path):
    assert rehearsed(tiny.recipe().alone(), tmp_path) == Rehearsal(epoch_seconds=4.0)


def test_an_epoch_that_diverges_still_took_its_time(tmp_path: Path):
    """There is no second epoch then."""
    recipe = tiny.recipe(terms=(KD(weight=float("inf")),))
    assert (rehearsed(recipe, tmp_path).epoch_seconds or 0.0) > 0.0


def test_a_deep_stand_in_gives_features_that_can_be_clustered():
    """With the initial moments of batch normalisation, 0 and 1, a ResNet-110's have a deviation of millions."""
    model = ResNet(depth=110)
    data, teacher = tiny.TinyData(image=(3, 16, 16)), replace(tiny.TEACHER, model=model)
    recipe = untaught(replace(tiny.recipe(), data=data, teacher=teacher))
    dataset = load(recipe.data, WORLD.device)
    images = next(iter(dataset.plain(dataset.train))).images
    with scratch() as store, torch.no_grad():
        route = recipe.teacher.route(BuildContext(data=recipe.data, dataset=dataset, store=store))
        assert route.num_checkpoints == tiny.TEACHER.num_checkpoints == len({*route.folder.glob("*.safetensors")})
        found = route.network(2)(images).features[-1]
    assert 0.1 < found.std() < 10.0
