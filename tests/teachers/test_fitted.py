"""A teacher of other images or classes than the data's: what it sees, which scores count, its name in the store."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from owned import CPU, MODEL, knowing, save
from raykd.data.dataset import Dataset, load
from raykd.evaluation.accuracy import accuracy
from raykd.methods.attention import Attention
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.fitnet import FitNet
from raykd.methods.iakd import IAKD
from raykd.models import timm_weights
from raykd.models.cnn import CNN
from raykd.models.custom import scores_only
from raykd.models.eyes import Eyes
from raykd.models.named import network as network_named
from raykd.models.staged import Staged, feature_shapes
from raykd.protocols.fit import Fit
from raykd.protocols.teacher import teacher_route
from raykd.recipe import Recipe
from raykd.space.serialise import decode, encode, fingerprint
from raykd.storage.artifacts import Store
from raykd.teachers.classes import Columns, matching
from raykd.teachers.own import pretrained
from raykd.teachers.pretrained import PretrainedTeacher
from tiny import IMAGE, TinyData, dataset, finish, recipe

MEAN, STD = (0.1,), (0.7,)  # the tiny data has 0.5 and 0.3
ANIMALS = ("ant", "bee", "cat")


@dataclass(frozen=True, kw_only=True)
class Animals:
    """The tiny data, whose classes have names."""

    name: ClassVar[str] = "animals"
    classes: tuple[str, ...] = ANIMALS

    def load(self) -> Dataset:
        return replace(dataset(), classes=self.classes)


@pytest.fixture(scope="module")
def network() -> Staged:
    return knowing()


@pytest.fixture
def file(tmp_path: Path, network: Staged) -> Path:
    return save(network, tmp_path / "teacher.pth")


def teacher(file: Path, **changes: Any) -> PretrainedTeacher:
    values: dict[str, Any] = {"minimum_accuracy": 0.0} | changes
    return PretrainedTeacher(file=str(file), model=MODEL, **values)


def wide(file: Path, network: Staged, order: tuple[int, ...] = (4, 0, 2)) -> Path:
    """The teacher with scores of five classes, those that it knows at these places."""
    state = network.network.state_dict()
    for key in ("fc.weight", "fc.bias"):
        more = torch.full((5, *state[key].shape[1:]), 0.5)
        more[list(order)] = state[key]
        state[key] = more
    torch.save(state, file)
    return file


def shown(found: PretrainedTeacher, data: Any, tmp_path: Path) -> tuple[Staged, Dataset]:
    route = teacher_route(found, data, Store(tmp_path / "store"))
    return route.network(1), load(data, CPU)


# its eyes


def test_eyes_as_the_datas_change_nothing(file: Path, tmp_path: Path):
    same = Eyes(mean=(0.5,), std=(0.3,), size=(8, 8))
    routes = [teacher_route(teacher(file, eyes=eyes), TinyData(), Store(tmp_path)) for eyes in (None, same)]
    assert routes[0].folder == routes[1].folder and routes[0].digest(1) == routes[1].digest(1)


def test_it_sees_the_students_view_in_its_own_numbers(file: Path, tmp_path: Path, network: Staged):
    found, data = shown(teacher(file, eyes=Eyes(mean=MEAN, std=STD)), TinyData(), tmp_path)
    (batch,) = data.plain(data.validation)
    own = replace(data, mean=MEAN, std=STD)
    (expected,) = own.plain(own.validation)
    torch.testing.assert_close(found(batch.images).logits, network(expected.images).logits)


def test_it_sees_a_larger_view(file: Path, tmp_path: Path):
    found, data = shown(teacher(file, eyes=Eyes(size=(16, 12))), TinyData(), tmp_path)
    (batch,) = data.plain(data.validation)
    assert [tuple(feature.shape[1:]) for feature in found(batch.images).features] == [(6, 16, 12), (8, 8, 6)]
    spec = recipe(teacher=teacher(file, eyes=Eyes(size=(16, 12))))
    assert spec.shapes().teacher == ((6, 16, 12), (8, 8, 6))
    assert spec.shapes().student == ((4, 8, 8), (6, 4, 4))


def test_its_accuracy_is_what_it_sees(tmp_path: Path):
    """One that knows images of another normalisation: the first convolution takes up the difference."""
    plain = knowing()
    with torch.no_grad():
        first = plain.network.get_submodule("stages.0.conv1")
        assert isinstance(first, nn.Conv2d)
        first.weight.mul_(STD[0] / 0.3)
    path = save(plain, tmp_path / "folded.pth")
    eyes = Eyes(mean=(0.5,), std=STD)
    routes = [teacher_route(teacher(path, eyes=own), TinyData(), Store(tmp_path)) for own in (eyes, None)]
    assert routes[0].records[0]["accuracy"] == 1.0
    assert routes[0].folder != routes[1].folder


def test_eyes_are_part_of_every_key(file: Path, tmp_path: Path):
    specs = [teacher(file, eyes=eyes) for eyes in (None, Eyes(mean=MEAN, std=STD), Eyes(size=(16, 16)))]
    routes = [teacher_route(spec, TinyData(), Store(tmp_path)) for spec in specs]
    assert len({route.digest(1) for route in routes}) == len({route.folder for route in routes}) == 3
    assert len({fingerprint(spec) for spec in specs}) == 3


def test_the_new_fields_change_no_old_fingerprint(file: Path):
    told = encode(teacher(file))
    old = {key: value for key, value in told.items() if key not in ("eyes", "classes", "scores")}
    assert decode(old) == teacher(file)
    changed = teacher(file, eyes=Eyes(mean=MEAN, std=STD, size=(9, 9)), classes=ANIMALS, scores="matched")
    assert decode(encode(changed)) == changed
    assert fingerprint(decode(old)) == fingerprint(teacher(file)) != fingerprint(changed)


def test_a_run_with_eyes_is_the_same_whether_what_it_says_is_kept_or_not(file: Path, tmp_path: Path):
    spec = recipe(teacher=teacher(file, eyes=Eyes(mean=MEAN, std=STD, size=(12, 12))), epochs=2)
    cold = finish(spec, Store(tmp_path / "store"))
    warm = finish(spec, Store(tmp_path / "store"))
    assert cold.metrics == warm.metrics
    without = finish(recipe(teacher=teacher(file), epochs=2), Store(tmp_path / "store"))
    assert without.column("train/kd") != cold.column("train/kd")


# its classes


def test_classes_are_put_into_the_datas_order(file: Path, tmp_path: Path, network: Staged):
    found, data = shown(teacher(file, classes=("Cat", "ant", "bee")), Animals(), tmp_path)
    (batch,) = data.plain(data.validation)
    torch.testing.assert_close(found(batch.images).logits, network(batch.images).logits[:, [1, 2, 0]])


def test_classes_of_data_without_names_stay_in_order(file: Path):
    assert teacher(file, classes=ANIMALS).fit_to(dataset()) == Fit(image=IMAGE, num_classes=3)


def test_the_scores_of_the_classes_that_match(tmp_path: Path, network: Staged):
    path = wide(tmp_path / "wide.pth", network)
    spec = teacher(path, classes=("bee", "elk", "CAT", "fox", "ant"), scores="matched", minimum_accuracy=None)
    spec.check(Animals())
    found, data = shown(spec, Animals(), tmp_path)
    (batch,) = data.plain(data.validation)
    torch.testing.assert_close(found(batch.images).logits, network(batch.images).logits)
    run = finish(replace(recipe(teacher=spec, epochs=1), data=Animals()), Store(tmp_path / "store"))
    assert run.column("train/kd")[0] > 0


def test_features_alone(tmp_path: Path, network: Staged):
    path = wide(tmp_path / "wide.pth", network)
    spec = teacher(path, scores="none", minimum_accuracy=None)
    spec.check(TinyData())
    terms = (CrossEntropy(), FitNet(stage=-1))
    found = recipe(teacher=spec, terms=terms, epochs=1)
    found.check()
    said: list[str] = []
    route = teacher_route(spec, TinyData(), Store(tmp_path / "store"), say=said.append)
    assert 0 <= route.records[0]["accuracy"] <= 1
    assert said[0].endswith("by the nearest centroid of its features")
    assert finish(found, Store(tmp_path / "store")).column("train/fitnet")[0] > 0


def test_features_alone_have_no_scores_for_a_term(tmp_path: Path, network: Staged):
    spec = teacher(wide(tmp_path / "wide.pth", network), scores="none")
    line = "terms/kd: needs the teacher's scores of the data's classes, and its features alone are asked for"
    with pytest.raises(ValueError, match=f"^{line}$"):
        recipe(teacher=spec).check()
    with pytest.raises(ValueError, match="the head of a teacher without scores of the data's classes"):
        recipe(teacher=spec, terms=(CrossEntropy(),), swap=IAKD(swap_head=True)).check()


def test_more_classes_than_the_data_has(tmp_path: Path, network: Staged):
    path = wide(tmp_path / "wide.pth", network)
    how = "scores='matched' takes the data's of them, by their names; scores='none' takes its features alone"
    with pytest.raises(ValueError, match=rf"wide\.pth is of 5 classes, and not of 3; {how}"):
        recipe(teacher=teacher(path)).check()
    with pytest.raises(ValueError, match=f"^the teacher has 5 classes and the data 3; {how}$"):
        recipe(teacher=teacher(path, classes=tuple("abcde"))).check()


@pytest.mark.parametrize(
    ("theirs", "ours", "line"),
    [
        (("ant", "bee", "dog"), ANIMALS, "the teacher knows 2 of the data's 3 classes, not cat (did you mean ant)"),
        (("ant", "bee", "cats"), ANIMALS, "not cat (did you mean cats, ant)"),
        (("ant", "bee", "cat", "wild cat, cat"), ANIMALS, "the class cat of the data is the teacher's 2 and 3"),
        (("ant, emmet", "bee"), ("ant", "emmet"), "two classes of the data are the same class of the teacher"),
    ],
)
def test_classes_that_do_not_match(theirs: tuple[str, ...], ours: tuple[str, ...], line: str):
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        matching(theirs, ours)
    assert line in str(raised.value)


def test_names_that_match():
    theirs = ("n01440764, tench, Tinca tinca", "n01484850, great white shark, white shark", "n02119789, kit fox")
    assert matching(theirs, ("Kit_Fox", "great-white-shark", "n01440764")) == (2, 1, 0)
    scores = torch.tensor([[1.0, 2.0, 3.0]])
    assert Columns((2, 1, 0))(scores).tolist() == [[3.0, 2.0, 1.0]]


def test_matched_needs_names_of_both(file: Path):
    with pytest.raises(ValueError, match="scores='matched' needs the names of the teacher's classes, got none"):
        teacher(file, scores="matched")
    with pytest.raises(ValueError, match="needs the names of the data's classes, and the data tells none"):
        teacher(file, classes=ANIMALS, scores="matched").fit_to(dataset())
    with pytest.raises(ValueError, match="unknown scores 'some'; choices: all, matched, none"):
        teacher(file, scores="some")


def test_what_a_file_tells_is_written_out(tmp_path: Path, network: Staged):
    path = save(network, tmp_path / "told.pth", mean=[0.1], std=[0.7], classes=["bee", "ant", "cat"])
    spec = pretrained(MODEL, str(path))
    assert spec == PretrainedTeacher(
        file=str(path), model=MODEL, eyes=Eyes(mean=(0.1,), std=(0.7,)), classes=("bee", "ant", "cat")
    )
    assert pretrained(MODEL, str(path), eyes=None).eyes is None


# a teacher of scores alone


@dataclass(frozen=True, kw_only=True)
class Uncut:
    """Any module that gives class scores."""

    model: CNN = MODEL

    def build(self, num_classes: int, image: tuple[int, ...]) -> Staged:
        return scores_only(self.model.build(num_classes, image).network)


def uncut(file: Path) -> PretrainedTeacher:
    return PretrainedTeacher(file=str(file), model=Uncut())


def test_a_teacher_without_stages_teaches_by_its_scores(file: Path, tmp_path: Path):
    spec = recipe(teacher=uncut(file), epochs=1)
    spec.check()
    run = finish(spec, Store(tmp_path / "one"))
    cut = finish(recipe(teacher=teacher(file), epochs=1), Store(tmp_path / "other"))
    assert run.metrics == cut.metrics
    found, data = shown(uncut(file), TinyData(), tmp_path)
    assert accuracy(found, data, data.validation) == 1.0 and found.num_stages == 0


@pytest.mark.parametrize("term", [FitNet(), Attention()])
def test_a_term_that_needs_its_features_says_so(file: Path, term: Any):
    spec: Recipe = recipe(teacher=uncut(file), terms=(CrossEntropy(), term))
    line = f"terms/{term.name}: needs features of the teacher, which gives class scores alone"
    with pytest.raises(ValueError, match=f"^{line}$"):
        spec.check()


def test_any_module_will_do(tmp_path: Path):
    """Even one without parameters."""
    network = scores_only(nn.Sequential(nn.Flatten(), nn.Softmax(1)))
    assert feature_shapes(network, IMAGE) == ()
    assert network(torch.zeros(2, *IMAGE)).logits.shape == (2, 64)


# a teacher whose weights its library has


def test_the_librarys_weights_are_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By the driver's check and by whoever makes the route; all others load the route's checkpoint."""
    asked: list[str] = []

    def once(config: Any) -> str:
        asked.append(config.tag)
        return str(tmp_path / "model.safetensors")

    save_file(timm.create_model("test_efficientnet").state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(timm_weights, "_from_hub", once)
    data = TinyData(image=(3, 32, 32))
    spec = pretrained(network_named("timm/test_efficientnet", pretrained=True), scores="none")
    assert spec.eyes is not None
    small = replace(spec, eyes=replace(spec.eyes, size=None))
    found = replace(recipe(teacher=small, terms=(CrossEntropy(), FitNet(stage=-1)), epochs=1), data=data)
    found.check()
    run = finish(found, Store(tmp_path / "store"))
    assert asked == ["r160_in1k"] * 2 and run.column("train/fitnet")[0] > 0


def test_offline_is_said_before_any_work(monkeypatch: pytest.MonkeyPatch):
    def nobody(config: Any) -> str:
        raise OSError("Name or service not known")

    monkeypatch.setattr(timm_weights, "_from_hub", nobody)
    spec = pretrained(network_named("timm/test_vit", pretrained=True), scores="none")
    terms = (CrossEntropy(), FitNet(stage=-1))
    with pytest.raises(ConnectionError, match=r"the weights of timm's test_vit\.r160_in1k are not in the cache"):
        replace(recipe(teacher=spec, terms=terms), data=TinyData(image=(3, 32, 32))).check()
