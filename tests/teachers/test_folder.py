"""A folder of checkpoints as a route: in the order of their epochs, each measured once."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from owned import MODEL, knowing, save, untrained
from raykd.data.dataset import load
from raykd.methods.rco import EqualInterval
from raykd.models.cifar_resnet import ResNet
from raykd.models.eyes import Eyes
from raykd.models.staged import Staged
from raykd.protocols.teacher import TeacherSpec, teacher_route
from raykd.space.serialise import decode, encode, fingerprint
from raykd.storage.artifacts import Store
from raykd.teachers.folder import CheckpointFolder
from raykd.teachers.own import checkpoints
from tiny import TinyData, finish, recipe, same_weights

DATA = TinyData()


@pytest.fixture(scope="module")
def networks() -> dict[int, Staged]:
    return {40: untrained(1), 80: untrained(2), 120: knowing()}


@pytest.fixture
def folder(tmp_path: Path, networks: dict[int, Staged]) -> Path:
    for epoch, network in networks.items():
        save(network, tmp_path / f"mine/ckpt_epoch_{epoch}.pth", epoch=epoch)
    return tmp_path / "mine"


def teacher(folder: Path, **changes) -> CheckpointFolder:
    return CheckpointFolder(folder=str(folder), model=MODEL, **changes)


def test_its_route_has_the_files_in_the_order_of_their_epochs(folder: Path, tmp_path: Path, networks):
    said: list[str] = []
    route = teacher_route(teacher(folder), DATA, Store(tmp_path), say=said.append)
    assert [record["epoch"] for record in route.records] == [40, 80, 120]  # by name, 120 would be the first
    assert route.records[-1]["accuracy"] == 1.0
    assert route.num_checkpoints == teacher(folder).num_checkpoints == 3
    for number, network in enumerate(networks.values(), 1):
        assert same_weights(route.weights(number), network.network.state_dict())
    assert len(said) == 3


def test_names_tell_the_epochs_of_files_that_do_not(tmp_path: Path, networks):
    for epoch, network in networks.items():
        save(network, tmp_path / f"mine/student_{epoch}.pth")
    route = teacher_route(teacher(tmp_path / "mine"), DATA, Store(tmp_path))
    assert [record["epoch"] for record in route.records] == [40, 80, 120]


def test_what_a_file_says_goes_before_its_name(folder: Path, tmp_path: Path, networks):
    save(networks[40], folder / "first_200.pth", epoch=0)
    route = teacher_route(teacher(folder), DATA, Store(tmp_path))
    assert [record["epoch"] for record in route.records] == [0, 40, 80, 120]


def test_each_is_measured_once(folder: Path, tmp_path: Path):
    first = teacher_route(teacher(folder), DATA, Store(tmp_path))
    again = teacher_route(teacher(folder), DATA, Store(tmp_path), say=lambda line: pytest.fail(line))
    assert again.folder == first.folder


def test_a_replaced_or_added_file_makes_another_route(folder: Path, tmp_path: Path, networks):
    routes, prints = set(), set()
    for change in (None, folder / "ckpt_epoch_40.pth", folder / "ckpt_epoch_60.pth"):
        if change is not None:
            save(networks[80], change, epoch=int(change.stem.rpartition("_")[2]))
        routes.add(teacher_route(teacher(folder), DATA, Store(tmp_path)).folder)
        prints.add(fingerprint(teacher(folder)))
    assert len(routes) == len(prints) == 3


def test_a_student_follows_it(folder: Path, tmp_path: Path):
    spec = recipe(teacher=teacher(folder), route=EqualInterval(count=3), epochs=3)
    spec.check()
    assert finish(spec, Store(tmp_path)).column("train/anchor") == [40, 80, 120]


def test_more_anchors_than_checkpoints_are_refused_before_any_work(folder: Path):
    with pytest.raises(ValueError, match=r"route/count: 4 anchors need .* the teacher keeps 3"):
        recipe(teacher=teacher(folder), route=EqualInterval(count=4)).check()


def test_the_pattern_chooses(folder: Path):
    (folder / "resnet_last.pth").write_text("not read")
    assert teacher(folder, pattern="ckpt_epoch_*.pth").num_checkpoints == 3
    teacher(folder, pattern="ckpt_epoch_*.pth").check(DATA)
    with pytest.raises(ValueError, match=r"resnet_last\.pth is no whole file of weights"):
        teacher(folder).check(DATA)


def test_a_key_chooses_in_each_file(folder: Path, tmp_path: Path, networks):
    for epoch, network in networks.items():
        state = network.network.state_dict()
        averaged = dict(networks[40].network.state_dict())
        content = {"epoch": epoch, "model": state, "model_ema": averaged}
        torch.save(content, folder / f"ckpt_epoch_{epoch}.pth")
    spec = teacher(folder, key="model")
    assert decode(encode(spec)) == spec
    route = teacher_route(spec, DATA, Store(tmp_path))
    assert same_weights(route.weights(3), networks[120].network.state_dict())
    route = teacher_route(teacher(folder, minimum_accuracy=0.0), DATA, Store(tmp_path))
    assert same_weights(route.weights(3), networks[40].network.state_dict())


def test_two_files_of_one_epoch_are_refused(folder: Path, tmp_path: Path, networks):
    save(networks[40], folder / "best.pth", epoch=40)
    with pytest.raises(ValueError, match=r"best\.pth and ckpt_epoch_40\.pth are both of epoch 40; narrow the pattern"):
        teacher_route(teacher(folder), DATA, Store(tmp_path))


def test_a_file_without_an_epoch_is_refused(folder: Path, tmp_path: Path, networks):
    save(networks[40], folder / "best.pth", lr=1)
    with pytest.raises(ValueError, match=r"best\.pth says no epoch, neither inside nor in its name; narrow the pat"):
        teacher_route(teacher(folder), DATA, Store(tmp_path))


def test_an_empty_folder_is_refused_before_any_work(tmp_path: Path):
    spec = teacher(tmp_path / "nowhere")
    assert isinstance(spec, TeacherSpec) and spec.num_checkpoints == 0
    with pytest.raises(FileNotFoundError, match=r"no checkpoint '\*\.pth' in the folder '.*/nowhere'"):
        recipe(teacher=spec).check()


def test_the_last_one_must_know_the_images(folder: Path, tmp_path: Path):
    (folder / "ckpt_epoch_120.pth").unlink()
    with pytest.raises(ValueError, match=r"the teacher .*mine has validation accuracy 0\.\d+, which must be at least"):
        teacher_route(teacher(folder, minimum_accuracy=0.99), DATA, Store(tmp_path))


def test_a_folders_name_tells_the_network():
    assert CheckpointFolder(folder="save/resnet110_cifar100_lr_0.05").model == ResNet(depth=110)


def test_it_comes_back_from_json(folder: Path):
    assert decode(encode(teacher(folder))) == teacher(folder)


def test_what_the_last_one_tells_of_its_images_and_classes_is_written_out(folder: Path, networks):
    save(networks[120], folder / "ckpt_epoch_120.pth", epoch=120, mean=[0.1], std=[0.7], classes=["b", "a", "c"])
    spec = checkpoints(MODEL, str(folder))
    assert spec == teacher(folder, eyes=Eyes(mean=(0.1,), std=(0.7,)), classes=("b", "a", "c"))
    assert decode(encode(spec)) == spec


def test_all_of_them_see_through_its_eyes(folder: Path, tmp_path: Path, networks):
    spec = teacher(folder, eyes=Eyes(mean=(0.1,), std=(0.7,)), minimum_accuracy=0.0)
    route = teacher_route(spec, DATA, Store(tmp_path / "store"))
    data = load(DATA, torch.device("cpu"))
    (batch,) = data.plain(data.validation)
    own = replace(data, mean=(0.1,), std=(0.7,))
    (expected,) = own.plain(own.validation)
    for number, network in enumerate(networks.values(), 1):
        torch.testing.assert_close(route.network(number)(batch.images).logits, network.eval()(expected.images).logits)
    assert route.folder != teacher_route(teacher(folder), DATA, Store(tmp_path / "store")).folder


def test_the_new_fields_change_no_old_fingerprint(folder: Path):
    told = encode(teacher(folder))
    old = {key: value for key, value in told.items() if key not in ("eyes", "classes", "scores")}
    assert decode(old) == teacher(folder) and fingerprint(decode(old)) == fingerprint(teacher(folder))
    with pytest.raises(ValueError, match="scores='matched' needs the names of the teacher's classes, got none"):
        teacher(folder, scores="matched")
