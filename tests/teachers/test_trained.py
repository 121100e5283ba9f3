"""A teacher's route: what it keeps, that it is made once, and that death in the middle changes nothing."""

import itertools
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from data_files import class_folders, picture, save
from raykd.data import Frame, image_folder
from raykd.data.dataset import load
from raykd.data.image_folder import ImageFolder
from raykd.evaluation.accuracy import accuracy
from raykd.models.cnn import CNN
from raykd.optim import SGD, Cosine
from raykd.protocols.teacher import teacher_route
from raykd.storage.artifacts import Store
from raykd.teachers import route_training
from raykd.teachers.trained import Teacher
from tiny import NUM_CLASSES, TinyData, same_weights

CPU = torch.device("cpu")
DATA = TinyData()
TEACHER = Teacher(model=CNN(widths=(6, 8)), epochs=5, every=2, batch_size=8, optimiser=SGD(lr=0.05, schedule=Cosine()))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# what a route holds


@pytest.mark.parametrize(
    ("epochs", "every", "kept"), [(5, 2, [2, 4, 5]), (4, 2, [2, 4]), (3, 1, [1, 2, 3]), (2, 9, [2])]
)
def test_a_checkpoint_every_few_epochs_and_the_last(epochs: int, every: int, kept: list[int], store: Store):
    teacher = replace(TEACHER, epochs=epochs, every=every)
    route = teacher_route(teacher, DATA, store)
    assert [record["epoch"] for record in route.records] == kept
    assert [record["checkpoint"] for record in route.records] == list(range(1, len(kept) + 1))
    assert route.num_checkpoints == teacher.num_checkpoints == len(kept)


def test_the_accuracies_are_those_of_the_checkpoints(store: Store):
    route = teacher_route(TEACHER, DATA, store)
    dataset = load(DATA, CPU)
    for number, record in enumerate(route.records, 1):
        assert accuracy(route.network(number), dataset, dataset.validation) == record["accuracy"]


def test_checkpoints_load_into_the_plain_network(store: Store):
    route = teacher_route(TEACHER, DATA, store)
    plain = TEACHER.model.build(NUM_CLASSES, (1, 8, 8)).network
    plain.load_state_dict(load_file(route.folder / "checkpoint_0003.safetensors"))
    assert same_weights(plain.state_dict(), route.network(3).network.state_dict())


def test_checkpoints_differ_and_so_do_their_digests(store: Store):
    route = teacher_route(TEACHER, DATA, store)
    assert len({route.digest(number) for number in (1, 2, 3)}) == 3
    assert not same_weights(route.weights(1), route.weights(3))


def test_networks_are_frozen(store: Store):
    network = teacher_route(TEACHER, DATA, store).network(1)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


# made once


def test_a_route_is_made_once(store: Store):
    said: list[str] = []
    first = teacher_route(replace(TEACHER, seed=9), DATA, store, say=said.append)
    assert [line.split(",")[0] for line in said] == [f"teacher: epoch {number} of 5" for number in range(1, 6)]
    again = teacher_route(replace(TEACHER, seed=9), DATA, store, say=lambda line: pytest.fail(line))
    assert again.folder == first.folder
    assert not any((store.root / "partial").glob("*"))


@pytest.mark.parametrize(
    ("changes", "data"),
    [({"seed": 1}, DATA), ({"every": 1}, DATA), ({"batch_size": 6}, DATA), ({}, TinyData(num_images=30))],
)
def test_another_teacher_has_a_route_of_its_own(changes: dict[str, Any], data: TinyData, store: Store):
    assert teacher_route(replace(TEACHER, **changes), data, store).folder != teacher_route(TEACHER, DATA, store).folder


def test_a_listener_gets_every_epoch(tmp_path: Path):
    heard: list[int] = []
    teacher_route(TEACHER, DATA, Store(tmp_path), listen=lambda epoch: heard.append(epoch.number))
    assert heard == [1, 2, 3, 4, 5]


# death in the middle

DYING = """
import os, signal, sys
from teachers import test_trained
from raykd.storage.artifacts import Store
from raykd.teachers import teacher_route

def die(line):
    if line.startswith(f"teacher: epoch {sys.argv[2]} of"):
        os.kill(os.getpid(), signal.SIGKILL)

teacher_route(test_trained.TEACHER, test_trained.DATA, Store(sys.argv[1]), device="cpu", say=die)
"""


@pytest.mark.parametrize("epoch", [1, 3, 5])  # before the first checkpoint, between two, after the last epoch
def test_a_killed_teacher_goes_on_where_it_stopped(epoch: int, store: Store, tmp_path: Path):
    command = [sys.executable, "-c", DYING, str(tmp_path), str(epoch)]
    died = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=120)
    assert died.returncode == -signal.SIGKILL, died.stderr
    (unfinished,) = (tmp_path / "partial").iterdir()
    (unfinished / ".checkpoint_0001-half.safetensors").write_bytes(b"as a kill within a write leaves it")

    heard: list[int] = []
    route = teacher_route(TEACHER, DATA, Store(tmp_path), device="cpu", listen=lambda epoch: heard.append(epoch.number))
    assert heard == list(range(epoch + 1, 6))
    assert contents(route.folder) == contents(teacher_route(TEACHER, DATA, store).folder)
    assert not unfinished.exists()


def test_death_between_a_checkpoint_and_its_state_changes_nothing(store: Store, tmp_path: Path):
    """The checkpoint of epoch 2 is on the disk, the state to go on from is that of epoch 1."""
    saved: dict[str, bytes] = {}
    folder: list[Path] = []

    def say(line: str) -> None:
        folder[:] = (tmp_path / "partial").iterdir()
        saved[line.split()[2]] = (folder[0] / "last.pt").read_bytes()
        if "2" in saved:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teacher_route(TEACHER, DATA, Store(tmp_path), say=say)
    (folder[0] / "last.pt").write_bytes(saved["1"])
    route = teacher_route(TEACHER, DATA, Store(tmp_path))
    assert contents(route.folder) == contents(teacher_route(TEACHER, DATA, store).folder)


@pytest.mark.parametrize("left", [None, b"torn"])
def test_of_a_state_that_a_death_has_cost_the_one_before_is_gone_on_from(
    left: bytes | None, store: Store, tmp_path: Path
):
    """A process may die between the renaming of the old state and that of the new one, or the disk tear the new one."""

    def say(line: str) -> None:
        if line.split()[2] == "3":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teacher_route(TEACHER, DATA, Store(tmp_path), say=say)
    (state,) = (tmp_path / "partial").glob("*/last.pt")
    state.unlink() if left is None else state.write_bytes(left)
    heard: list[int] = []
    route = teacher_route(TEACHER, DATA, Store(tmp_path), listen=lambda epoch: heard.append(epoch.number))
    assert heard == [3, 4, 5]
    assert contents(route.folder) == contents(teacher_route(TEACHER, DATA, store).folder)


# what cannot work


def test_a_diverging_teacher_is_named(tmp_path: Path):
    with pytest.raises(RuntimeError, match=r"the teacher's training diverged in epoch \d; lower its learning rate"):
        teacher_route(replace(TEACHER, optimiser=SGD(lr=1e38)), DATA, Store(tmp_path))
    assert list((tmp_path / "route").iterdir()) == []


@pytest.mark.parametrize("name", ["epochs", "every", "batch_size"])
def test_refuses(name: str):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        replace(TEACHER, **{name: 0})


def test_num_checkpoints_is_known_before_training():
    for epochs, every in itertools.product((1, 5, 6), (1, 2, 7)):
        kept = {epoch for epoch in range(1, epochs + 1) if epoch % every == 0 or epoch == epochs}
        assert Teacher(model=CNN(), epochs=epochs, every=every).num_checkpoints == len(kept)


def test_the_record_is_json(store: Store):
    route = teacher_route(TEACHER, DATA, store)
    assert json.loads((route.folder / "route.json").read_text()) == route.records
    assert all(0.0 <= record["accuracy"] <= 1.0 for record in route.records)


# its name, where the data are files


def test_a_route_of_files_stays_when_the_test_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also one from the time when its name followed the test's files too."""
    root, store = class_folders(tmp_path / "pictures"), Store(tmp_path / "store")
    data = ImageFolder(root=str(root), frame=Frame(resize=8, size=8), cache=None)
    teacher = replace(TEACHER, epochs=1, every=1, batch_size=4)
    with monkeypatch.context() as older:
        older.setattr(ImageFolder, "contents", ImageFolder.former_contents)
        older.setattr(route_training, "_former_route", lambda told, context: None)
        former = teacher_route(teacher, data, store).folder
    monkeypatch.setattr(route_training, "distill", None)  # nothing is trained any more
    route = teacher_route(teacher, data, store)
    assert route.folder != former
    assert contents(route.folder) == contents(former)
    save(root, "val/a/0.png", picture(77, 30, 30))
    image_folder._digest.cache_clear()  # as in another process
    assert teacher_route(teacher, data, store).folder == route.folder
