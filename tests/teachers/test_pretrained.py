"""A teacher in a file: measured once, known by its content, and refused before a search where it cannot teach."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from owned import CPU, MODEL, knowing, save, untrained
from raykd.data.dataset import load
from raykd.evaluation.accuracy import accuracy, constant_answer
from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.four_stage_resnet import FourStageResNet
from raykd.models.mobilenet_v2 import MobileNetV2
from raykd.models.shufflenet_v1 import ShuffleNetV1
from raykd.models.staged import Staged
from raykd.models.torchvision import Torchvision
from raykd.models.vgg import VGG
from raykd.models.wide_resnet import WRN
from raykd.protocols.teacher import TeacherSpec, teacher_route
from raykd.space.serialise import decode, encode, fingerprint
from raykd.storage.artifacts import Store
from raykd.teachers.pretrained import PretrainedTeacher
from tiny import TinyData, finish, recipe, same_weights

DATA = TinyData()
COLOURED = TinyData(image=(3, 32, 32))


@pytest.fixture(scope="module")
def network() -> Staged:
    return knowing()


@pytest.fixture
def file(tmp_path: Path, network: Staged) -> Path:
    return save(network, tmp_path / "cnn_vanilla/ckpt_epoch_240.pth", epoch=240, accuracy=torch.tensor(79.42))


def teacher(file: Path, **changes) -> PretrainedTeacher:
    return PretrainedTeacher(file=str(file), model=MODEL, **changes)


# what its route holds


def test_its_route_is_the_file(file: Path, tmp_path: Path, network: Staged):
    said: list[str] = []
    route = teacher_route(teacher(file), DATA, Store(tmp_path), say=said.append)
    told = {"epoch": 240, "accuracy": 1.0, "told": pytest.approx(0.7942)}
    assert route.records == [{"checkpoint": 1, **told, "constant": None}]
    assert route.num_checkpoints == teacher(file).num_checkpoints == 1
    assert same_weights(route.network(1).network.state_dict(), network.network.state_dict())
    assert said == ["teacher: ckpt_epoch_240.pth has validation accuracy 1.0000"]


def test_its_accuracy_is_that_of_the_validation_split(file: Path, tmp_path: Path):
    weak = save(untrained(3), file)
    route = teacher_route(teacher(weak, minimum_accuracy=0.0), DATA, Store(tmp_path))
    dataset = load(DATA, CPU)
    assert route.records[0]["accuracy"] == accuracy(route.network(1), dataset, dataset.validation) < 1


def test_a_file_that_tells_no_epoch(file: Path, tmp_path: Path, network: Staged):
    named = save(network, file.with_name("epoch_7.pth"))
    bare = save(network, file.with_name("student_best"), lr=0.1)
    assert teacher_route(teacher(named), DATA, Store(tmp_path)).records[0]["epoch"] == 7
    assert teacher_route(teacher(bare), DATA, Store(tmp_path)).records[0]["epoch"] == 1


def test_a_student_learns_from_it(file: Path, tmp_path: Path):
    found = finish(recipe(teacher=teacher(file), epochs=1), Store(tmp_path))
    assert found.column("train/anchor") == [240]


def test_a_model_may_bring_its_weights(tmp_path: Path):
    spec = Torchvision(name="mobilenet_v3_small")
    brought = untrained(5, COLOURED, spec)
    torch.save(brought.network.state_dict(), tmp_path / "own.pth")
    own = PretrainedTeacher(file=None, model=replace(spec, weights=str(tmp_path / "own.pth")), minimum_accuracy=0.0)
    own.check(COLOURED)
    route = teacher_route(own, COLOURED, Store(tmp_path))
    assert same_weights(route.weights(1), brought.network.state_dict())


# known by its content


def test_it_is_measured_once(file: Path, tmp_path: Path):
    first = teacher_route(teacher(file), DATA, Store(tmp_path))
    again = teacher_route(teacher(file), DATA, Store(tmp_path), say=lambda line: pytest.fail(line))
    assert again.folder == first.folder


def test_the_same_file_elsewhere_is_the_same_teacher(file: Path, tmp_path: Path):
    moved = tmp_path / "elsewhere.240"
    moved.write_bytes(file.read_bytes())
    one, other = teacher(file), teacher(moved)
    assert fingerprint(recipe(teacher=one)) == fingerprint(recipe(teacher=other))
    routes = [teacher_route(spec, DATA, Store(tmp_path)) for spec in (one, other)]
    assert routes[0].digest(1) == routes[1].digest(1)


def test_a_replaced_file_is_another_teacher(file: Path, tmp_path: Path):
    spec = recipe(teacher=teacher(file))
    before, route = fingerprint(spec), teacher_route(teacher(file), DATA, Store(tmp_path))
    save(knowing(seed=1), file, epoch=240)
    after = teacher_route(teacher(file), DATA, Store(tmp_path))
    assert fingerprint(spec) != before
    assert after.folder != route.folder and after.digest(1) != route.digest(1)


def test_what_is_asked_of_it_makes_no_other_artefact(file: Path, tmp_path: Path):
    routes = [teacher_route(teacher(file, minimum_accuracy=least), DATA, Store(tmp_path)) for least in (0.5, 0.6)]
    assert routes[0].folder == routes[1].folder


def test_it_comes_back_from_json(file: Path):
    spec = teacher(file, expected_accuracy=0.5)
    assert isinstance(spec, TeacherSpec)
    assert decode(encode(spec)) == spec
    assert encode(spec)["file"] == str(file)


# which weights of its file


def both(path: Path, averaged: Staged, plain: Staged) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": plain.network.state_dict(), "model_ema": averaged.network.state_dict()}, path)
    return path


def test_averaged_weights_teach_unless_a_key_chooses(tmp_path: Path, network: Staged):
    plain, said = knowing(seed=1), []
    file = both(tmp_path / "best.pth", network, plain)
    route = teacher_route(teacher(file), DATA, Store(tmp_path), say=said.append)
    assert same_weights(route.weights(1), network.network.state_dict())
    assert said == ["teacher: best.pth, of its model_ema, has validation accuracy 1.0000"]
    chosen = teacher_route(teacher(file, key="model"), DATA, Store(tmp_path), say=said.append)
    assert same_weights(chosen.weights(1), plain.network.state_dict())
    assert said[1:] == ["teacher: best.pth has validation accuracy 1.0000"]


def test_a_key_that_the_file_lacks_is_refused_before_any_work(tmp_path: Path, network: Staged):
    file = both(tmp_path / "best.pth", network, network)
    with pytest.raises(ValueError, match=r"best\.pth holds no state dict under the key 'ema'; .* model, model_ema$"):
        teacher(file, key="ema").check(DATA)


def test_a_key_is_part_of_a_teacher_and_none_is_not(file: Path):
    assert fingerprint(teacher(file, key="model")) != fingerprint(teacher(file))
    assert decode(encode(teacher(file, key="model"))) == teacher(file, key="model")
    old = encode(teacher(file))
    del old["key"]
    assert decode(old) == teacher(file)
    assert fingerprint(decode(old)) == fingerprint(teacher(file))


def test_a_key_needs_a_file():
    with pytest.raises(ValueError, match="a key is one of a file, which this teacher has not, got key='model'"):
        PretrainedTeacher(file=None, model=Torchvision(), key="model")


# its network


@pytest.mark.parametrize(
    ("folder", "model"),
    [
        ("resnet32x4_vanilla", ResNet(depth=32, widths=WIDE)),
        ("resnet110_vanilla", ResNet(depth=110)),
        ("ResNet50_vanilla", FourStageResNet(depth=50)),
        ("ShuffleV1", ShuffleNetV1()),
        ("MobileNetV2_vanilla", MobileNetV2()),
        ("mobile_half_cifar100_lr_0.01_decay_0.0005_trial_0", MobileNetV2()),
        ("wrn_40_2_vanilla", WRN(depth=40, factor=2)),
        ("vgg13_vanilla", VGG(depth=13)),
        ("S:vgg8_T:vgg13_cifar100_kd_r:0.1_a:0.9_b:0.0_1", VGG(depth=8)),
    ],
)
def test_a_folders_name_tells_the_network(folder: str, model: object):
    assert PretrainedTeacher(file=f"save/{folder}/ckpt_epoch_240.pth").model == model


def test_a_file_of_repdistiller_is_read_by_its_path_alone(tmp_path: Path):
    network = untrained(0, COLOURED, ResNet(depth=8))
    path = save(network, tmp_path / "resnet8_vanilla/ckpt_epoch_240.pth", epoch=240)
    spec = PretrainedTeacher(file=str(path), minimum_accuracy=0.0)
    spec.check(COLOURED)
    assert same_weights(teacher_route(spec, COLOURED, Store(tmp_path)).weights(1), network.network.state_dict())


def test_a_folder_that_tells_no_network():
    with pytest.raises(ValueError, match=r"the folder 'teachers' names no known network; give `model`, .*resnet8, "):
        PretrainedTeacher(file="teachers/best.pth")


def test_it_is_refused_before_any_work_where_it_holds_another_network(file: Path):
    wrong = recipe(teacher=replace(teacher(file), model=ResNet(depth=8)))
    with pytest.raises(ValueError, match=r"240\.pth does not hold the weights of this CifarResNet: missing conv1\.w"):
        wrong.check()


def test_it_is_refused_before_any_work_where_it_has_other_classes(file: Path):
    with pytest.raises(ValueError, match=r"240\.pth is of 3 classes, and not of 5; scores='matched' takes the data's"):
        teacher(file).check(TinyData(num_classes=5))


def test_it_is_refused_before_any_work_where_it_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"no file of weights '.*/nowhere\.pth'"):
        recipe(teacher=teacher(tmp_path / "nowhere.pth")).check()


# its accuracy


def refused(spec: PretrainedTeacher, folder: Path) -> str:
    with pytest.raises(ValueError, match=r"the teacher .* has validation accuracy") as error:
        teacher_route(spec, DATA, Store(folder))
    return str(error.value)


def test_a_teacher_at_chance_is_refused_with_what_it_may_be(file: Path, tmp_path: Path):
    seed = next(seed for seed in range(20) if _accuracy(untrained(seed)) < 0.4)
    said = refused(teacher(save(untrained(seed), file)), tmp_path)
    assert "which must be at least 0.4000 (chance is 0.3333; minimum_accuracy changes this)" in said
    assert said.endswith(
        "are its classes in this order, and its images normalised by mean (0.5000) and deviation (0.3000)?"
    )
    assert refused(teacher(file), tmp_path) == said  # measured once, refused each time


def test_classes_in_another_order_are_found_by_what_the_file_says(file: Path, tmp_path: Path, network: Staged):
    state = dict(network.network.state_dict())
    last = list(state)[-2:]
    state |= {name: state[name].roll(1, dims=0) for name in last}
    torch.save({"model": state, "accuracy": 79.42}, file)
    said = refused(teacher(file, minimum_accuracy=0.0), tmp_path)
    assert "accuracy 0.0000, which must be at least 0.7442" in said
    assert "(its file says 0.7942, the tolerance is 0.05; expected_accuracy changes this)" in said
    assert teacher_route(teacher(file, minimum_accuracy=0.0, expected_accuracy=0.0), DATA, Store(tmp_path))


def test_an_accuracy_up_to_1_is_what_was_measured_says(file: Path, tmp_path: Path, network: Staged):
    """0.9 could be 90 %, or 0.9 %: of 3 classes nobody keeps less than chance."""
    save(network, file, acc=0.9)
    assert teacher_route(teacher(file), DATA, Store(tmp_path)).records[0]["told"] == 0.9
    save(untrained(3), file, acc=0.9)
    said = refused(teacher(file, minimum_accuracy=0.0), tmp_path)
    assert "(its file says 0.9000, the tolerance is 0.05; expected_accuracy changes this)" in said


def constant(answer: int) -> Staged:
    """A network that gives the same class to every image."""
    network = untrained()
    with torch.no_grad():
        *_, weight, bias = network.network.parameters()
        weight.zero_()
        bias.copy_(torch.eye(3)[answer])
    return network


def test_a_constant_teacher_is_found_out_though_it_is_often_right(file: Path, tmp_path: Path):
    dataset = load(DATA, CPU)
    shares = dataset.validation.labels.bincount() / len(dataset.validation)
    largest = int(shares.argmax())
    assert shares[largest] > 0.4  # what a teacher is to reach
    said = refused(teacher(save(constant(largest), file)), tmp_path)
    assert f"has validation accuracy {shares[largest]:.4f} by answering class {largest} to every image, which " in said
    assert teacher_route(teacher(file, minimum_accuracy=0.4), DATA, Store(tmp_path))
    said = refused(teacher(file, minimum_accuracy=0.9), tmp_path)
    assert f"at least 0.9000 (minimum_accuracy); it answers class {largest} to every image; are its classes" in said


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"expected_accuracy": 1.0, "tolerance": 0.0}, None),
        (
            {"expected_accuracy": 0.9, "tolerance": 0.0},
            r"at least 0.9000 \(expected_accuracy is 0.9, the tolerance 0.0\)",
        ),
        ({"expected_accuracy": 0.9, "tolerance": 0.9}, None),
        ({"minimum_accuracy": 0.95}, r"at least 0.9500 \(minimum_accuracy\)"),
    ],
)
def test_what_is_expected(tmp_path: Path, network: Staged, values: dict[str, Any], why: str | None):
    good = values.get("expected_accuracy") == 1.0
    weak = next(net for net in map(untrained, range(40)) if 0.4 <= _accuracy(net) < 0.9 and not _constant(net))
    spec = teacher(save(network if good else weak, tmp_path / "teacher.pth"), **values)
    if why is None:
        teacher_route(spec, DATA, Store(tmp_path))
    else:
        with pytest.raises(ValueError, match=why):
            teacher_route(spec, DATA, Store(tmp_path))


def test_a_teacher_whose_scores_are_no_finite_numbers_is_refused(file: Path, tmp_path: Path):
    weights = untrained(0)
    with torch.no_grad():
        list(weights.network.parameters())[-1].fill_(math.nan)
    spec = teacher(save(weights, file), minimum_accuracy=0.0)
    with pytest.raises(RuntimeError, match=f"the teacher {file.name} gives class scores that are no finite numbers"):
        teacher_route(spec, DATA, Store(tmp_path))


@pytest.mark.parametrize("name", ["minimum_accuracy", "expected_accuracy", "tolerance"])
def test_refuses_percent(name: str):
    percent: dict[str, Any] = {name: 79.4}
    with pytest.raises(ValueError, match=f"{name} must be 0 to 1, got 79.4"):
        PretrainedTeacher(file="teacher.pth", model=MODEL, **percent)


def test_refuses_neither_file_nor_model():
    with pytest.raises(ValueError, match="needs a file, or a model that brings its weights, got neither"):
        PretrainedTeacher(file=None)


def _accuracy(network: Staged) -> float:
    dataset = load(DATA, CPU)
    return accuracy(network, dataset, dataset.validation)


def _constant(network: Staged) -> bool:
    dataset = load(DATA, CPU)
    return constant_answer(network, dataset, dataset.validation) is not None
