"""A recipe comes back from a file as it was, its hash follows every field, and a file runs no code."""

import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import raykd
from raykd.data import Augmentation, ResizedCrop
from raykd.data.digits import Digits
from raykd.methods.ab import AB
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, Greedy
from raykd.models.cnn import CNN
from raykd.optim import SGD, Adam, Cosine, Step
from raykd.recipe import Recipe
from raykd.space.fields import later, place
from raykd.space.ranges import override, paths, value_at
from raykd.space.serialise import decode, encode, fingerprint, from_file, own_components, to_text, type_name
from raykd.teachers.trained import Teacher
from tiny import composed

RECIPE = Recipe(
    data=Digits(validation=300),
    student=CNN(widths=(4, 8)),
    teacher=Teacher(model=CNN(widths=(16, 32), norm="group"), epochs=8, every=2, optimiser=Adam(schedule=Cosine())),
    terms=(
        CrossEntropy(weight=0.1),
        KD(temperature=3.0),
        Quest(words=32, on_anchor="reset"),
        InfoFlow(kernel="cosine", auxiliary=Auxiliary(model=CNN(widths=(8, 16)))),
    ),
    start=AB(margin=2.0, pairs=((0, 0), (-1, -1)), first_stage=FirstStage(epochs=3, optimiser=Adam())),
    route=Greedy(count=3, restart=True),
    swap=IAKD(schedule="growth", start=0.4),
    optimiser=SGD(lr=0.1, schedule=Step(milestones=(0.5, 0.9))),
    epochs=12,
    seed=3,
)


@dataclass(frozen=True, kw_only=True)
class Mine:
    """A user's component."""

    size: int = 1
    parts: tuple[Any, ...] = ()
    names: Any = None

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size must be at least 0, got {self.size}")


@dataclass(frozen=True, kw_only=True)
class Later:
    """A component with a field that it did not always have."""

    size: int = 1
    mode: str = later("old")


MINE = type_name(Mine)


# round trips


@pytest.mark.parametrize("recipe", [RECIPE, RECIPE.alone()], ids=["all methods", "alone"])
def test_a_recipe_comes_back_from_its_file(recipe: Recipe, tmp_path: Path):
    file = tmp_path / "recipe.json"
    file.write_text(to_text(recipe))
    found = from_file(file)
    assert found == recipe
    assert type(found.swap) is type(recipe.swap)
    assert fingerprint(found) == fingerprint(recipe)


def test_the_file_is_readable():
    lines = to_text(RECIPE).splitlines()
    assert '  "type": "recipe",' in lines
    assert '    "validation": 300,' in lines
    assert any(line.startswith('      "temperature": 3.0') for line in lines)


@pytest.mark.parametrize(
    "value",
    [
        Mine(),
        Mine(size=3, parts=(1, 2.5, "a", None, True, ())),
        Mine(parts=(Mine(), Mine(size=2))),
        Mine(names={"a": 1}),
    ],
)
def test_a_users_class_comes_back_where_it_is_given(value: Mine):
    assert decode(json.loads(to_text(value)), types=[Mine]) == value


def test_numbers_keep_kind_and_every_digit():
    found = decode(json.loads(to_text(Mine(parts=(1, 1.0, True, 0.1 + 0.2, 5e-324, 2**60)))), [Mine])
    assert found.parts == (1, 1.0, True, 0.1 + 0.2, 5e-324, 2**60)
    assert [type(part) for part in found.parts] == [int, float, bool, float, float, int]


@pytest.mark.parametrize("value", [lambda: 1, Mine, object(), Mine(parts=({1},)), b"bytes"])
def test_other_kinds_are_refused(value: Any):
    with pytest.raises(TypeError, match="a recipe holds dataclasses, numbers, strings and tuples of them, got "):
        encode(value)


# fingerprints


def test_a_fingerprint_is_the_same_on_every_machine():
    text = f'{{"names":null,"parts":[2.5,[]],"size":1,"type":"{MINE}"}}'
    assert fingerprint(Mine(parts=(2.5, ()))) == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert fingerprint(KD(temperature=4.0)) == fingerprint(KD())
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def changed(path: str) -> Any:
    """A value of the same kind as stands at a path, and another one that its component takes."""
    value = value_at(RECIPE, path)
    special = {"raykd": None, "depth": 14, "decay": 0.5, "momentum": 0.5, "start": 0.6, "solo": 0.2, "warm_up": 0.1}
    words = {"norm": "none", "kernel": "combined", "divergence": "kl", "schedule": "uniform", "on_anchor": "match"}
    words |= {"mode": "reflect", "layout": "contiguous", "teacher_outputs": "float16", "precision": "bfloat16"}
    name = path.rsplit("/")[-1]
    if value is None:
        return {"resized": ResizedCrop(), "views": 3, "threads": 2}[name]
    if isinstance(value, str):
        return words[name]
    if name == "milestones":
        return (0.4, 0.9)
    if isinstance(value, tuple):
        return (*value, (1, 1) if name == "pairs" else 64)
    if isinstance(value, bool):
        return not value
    return special.get(name, value + 1)


@pytest.mark.parametrize(
    "path", [path for path in paths(RECIPE) if not dataclasses.is_dataclass(value_at(RECIPE, path))]
)
def test_a_fingerprint_follows_every_field(path: str):
    other = replace(RECIPE, terms=RECIPE.terms[:-1]) if path == "terms" else override(RECIPE, {path: changed(path)})
    assert other != RECIPE
    assert fingerprint(other) != fingerprint(RECIPE)


def test_a_field_that_came_later_changes_no_fingerprint_at_its_default():
    """Computed before `Augmentation.views` was there."""
    assert fingerprint(Augmentation(padding=1, flip=True)) == "b44f43d412739690bd363ae6d7319b4e"


def test_a_field_that_came_later_leaves_what_was_made_before_its_name():
    """A recipe of before there was a layout: it is read, and neither its search nor its distilled teacher is lost."""
    written = encode(RECIPE)
    del written["layout"]
    assert decode(json.loads(json.dumps(written))) == RECIPE
    assert "layout" in encode(RECIPE)
    text = json.dumps(encode(Later()), sort_keys=True, separators=(",", ":")).replace('"mode":"old",', "")
    assert fingerprint(Later()) == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert fingerprint(Later(mode="new")) != fingerprint(Later())


def test_a_fingerprint_tells_classes_with_equal_fields_apart():
    assert fingerprint(Greedy()) != fingerprint(EqualInterval())
    assert fingerprint(replace(RECIPE, terms=RECIPE.terms[::-1])) != fingerprint(RECIPE)


# names that last

NAMES = """
    recipe=Recipe sgd=SGD adam=Adam step=Step cosine=Cosine constant=Constant fresh=Fresh ab=AB
    fsp_start=FSPStart first_stage=FirstStage final_teacher=FinalTeacher equal_interval=EqualInterval
    greedy=Greedy no_swap=NoSwap iakd=IAKD auxiliary=Auxiliary cross_entropy=CrossEntropy kd=KD quest=Quest
    infoflow=InfoFlow fitnet=FitNet attention=Attention cc=CC crd=CRD ctkd=CTKD dist=DIST dkd=DKD fsp=FSP ft=FT
    nst=NST ofd=OFD pkt=PKT review_kd=ReviewKD rkd=RKD sp=SP teacher_free=TeacherFree vid=VID cnn=CNN
    resnet=ResNet four_stage_resnet=FourStageResNet wrn=WRN vgg=VGG information_flow_cnn=InformationFlowCNN
    preactivation_resnet=PreactivationResNet mobilenet_v1=MobileNetV1 mobilenet_v2=MobileNetV2
    torchvision=Torchvision shufflenet_v1=ShuffleNetV1 shufflenet_v2=ShuffleNetV2 digits=Digits mnist=MNIST
    fashion_mnist=FashionMNIST cifar10=CIFAR10 cifar100=CIFAR100 stl10=STL10 svhn=SVHN synthetic=Synthetic
    image_folder=ImageFolder class_folders=ClassFolders cub200=CUB200 sun397=SUN397
    augmentation=Augmentation resized_crop=ResizedCrop frame=Frame pixels=Pixels preparation=Preparation
    teacher=Teacher distilled_teacher=DistilledTeacher
    pretrained_teacher=PretrainedTeacher checkpoint_folder=CheckpointFolder timm=Timm eyes=Eyes
    own_folders=OwnFolders picture_list=PictureList picture_table=PictureTable
"""


def test_the_names_in_files_are_what_they_were():
    """A name that changes makes recipes unreadable and teachers trained anew: a new component adds a line here."""
    found = [(type_name(cls), cls.__name__) for cls in own_components()]
    assert set(NAMES.split()) <= {f"{name}={cls}" for name, cls in found}
    names = [name for name, _ in found]
    assert len(set(names)) == len(names)


def test_what_was_written_by_modules_is_read():
    """Recipes of before raykd 0.1 name their classes by the modules that they lay in then."""
    old = {"type": "raykd.optimiser.SGD", "lr": 0.3, "schedule": {"type": "raykd.optimiser.Cosine", "warm_up": 0.1}}
    assert decode(old) == SGD(lr=0.3, schedule=Cosine(warm_up=0.1))
    assert type(decode({"type": "raykd.methods.kd.KD"})) is KD


READ = """
import json, sys
from raykd.{serialise} import fingerprint, from_file
recipe = from_file(sys.argv[1])
print(json.dumps([fingerprint(recipe), fingerprint(recipe.optimiser), type(recipe.optimiser).__module__]))
"""


def test_a_module_that_moves_changes_no_fingerprint_and_no_file(tmp_path: Path):
    file, package = tmp_path / "recipe.json", tmp_path / "copy" / "raykd"
    file.write_text(to_text(RECIPE))
    shutil.copytree(Path(raykd.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    moves = {"optim": "optimisation", "methods.quest": "methods.visual_words", "models.cnn": "models.small"}
    for old, new in moves.items():
        (package / f"{old.replace('.', '/')}.py").rename(package / f"{new.replace('.', '/')}.py")
        for source in package.rglob("*.py"):
            source.write_text(re.sub(rf"\braykd\.{re.escape(old)}\b", f"raykd.{new}", source.read_text()))
    homes = package / "space" / "serialise.py"
    homes.write_text(homes.read_text().replace('"optim"', '"optimisation"'))
    command = [sys.executable, "-c", READ.format(serialise="space.serialise"), str(file)]
    ran = subprocess.run(command, cwd=package.parent, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    expected = [fingerprint(RECIPE), fingerprint(RECIPE.optimiser), "raykd.optimisation"]
    assert json.loads(ran.stdout) == expected


# files that are not ours


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (to_text(RECIPE)[:400], "Expecting|Unterminated|delimiter"),
        ("", "Expecting value"),
        (
            '{"type": "kd", "temprature": 3.0}',
            "kd has no field 'temprature'; its fields: .*temperature",
        ),
        ('{"type": "kd", "temperature": -1.0}', "temperature must be above 0, got -1.0"),
        ('{"type": "recipe"}', "recipe: .*missing .* '(data|student)'"),
        ('{"type": "kf"}', "unknown class 'kf'; it is neither raykd's own nor"),
        ('{"type": "raykd.methods.kd.KF"}', "unknown class 'raykd.methods.kd.KF'"),
        ('{"type": "raykd.recipe.Recipe.check"}', "unknown class"),
        ('{"type": "raykd.storage.artifacts.Store", "root": "x"}', "unknown class"),
        ('{"type": "store", "root": "x"}', "unknown class 'store'"),
        ('{"type": "load"}', "unknown class 'load'"),  # a function of raykd.data
        ('{"type": "os.system", "command": "true"}', "unknown class 'os.system'"),
        ('{"type": "raykd.storage.artifacts.os.system"}', "unknown class"),
        ('{"type": "subprocess.Popen", "args": ["true"]}', "unknown class"),
        ('{"type": ""}', "unknown class ''"),
        ('{"type": "KD"}', "unknown class 'KD'"),
        ('{"type": 3}', "unknown class 3"),
        ('{"type": ["raykd.methods.kd.KD"]}', "unknown class"),
        (f'{{"type": "{MINE}"}}', f"unknown class '{MINE}'"),
    ],
)
def test_what_is_wrong_with_a_file(text: str, message: str, tmp_path: Path):
    file = tmp_path / "recipe.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        from_file(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_that_is_no_text(tmp_path: Path):
    file = tmp_path / "recipe.json"
    file.write_bytes(b"\x80\x02\xff")
    with pytest.raises(ValueError, match=str(file)):
        from_file(file)


def test_a_users_class_refuses_its_own_fields():
    with pytest.raises(ValueError, match="size must be at least 0, got -1"):
        decode({"type": MINE, "size": -1}, [Mine])
    with pytest.raises(ValueError, match=f"{MINE} has no field 'sise'; its fields: names, parts, size"):
        decode({"type": MINE, "sise": 1}, [Mine])


def test_no_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        from_file(tmp_path / "recipe.json")


@pytest.mark.parametrize("name", ["trap.Trap", "raykd_trap.Trap", "raykd/../trap.Trap"])
def test_nothing_outside_raykd_is_imported(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for file in ("trap.py", "raykd_trap.py"):
        (tmp_path / file).write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="unknown class"):
        decode({"type": name})
    assert not {"trap", "raykd_trap"} & sys.modules.keys()


def test_only_the_given_class_answers_to_its_name():
    """A name among the given types is that class, even where a module of this name holds another thing."""
    assert type(decode({"type": MINE}, [Mine])) is Mine
    assert type(decode(encode(composed()), [type(composed().data)])) is Recipe


# places


@dataclass(frozen=True, kw_only=True)
class Lying:
    """A component that lies somewhere."""

    size: int = 1
    root: str = place("here")


def test_a_place_is_written_down_and_left_out_of_fingerprints():
    there = Lying(root="there")
    assert decode(encode(there), [Lying]) == there
    assert there != Lying()
    assert fingerprint((there,)) == fingerprint((Lying(),)) != fingerprint((Lying(size=2),))


def test_a_place_without_a_default_must_be_given():
    @dataclass(frozen=True, kw_only=True)
    class Somewhere:
        root: str = place()

    with pytest.raises(TypeError, match="root"):
        Somewhere()
