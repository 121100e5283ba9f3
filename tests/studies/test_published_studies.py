"""What every study in `search_spaces` promises, without its data: a new file there is tested with no edit."""

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from raykd.data.cifar import CIFAR10, CIFAR100
from raykd.data.fashion_mnist import FashionMNIST
from raykd.data.image_folder import ImageFolder
from raykd.data.synthetic import Synthetic
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.dkd import DKD
from raykd.methods.iakd import IAKD
from raykd.methods.kd import KD
from raykd.models.torchvision import Torchvision
from raykd.optim import SGD
from raykd.recipe import Recipe
from raykd.space.ranges import holds, override, paths, value_at
from raykd.storage.artifacts import Store
from raykd.studies.grace import first_rung
from raykd.studies.published import methods
from raykd.studies.study import Study
from raykd.studies.study_file import load_study
from raykd.teachers.trained import Teacher
from tiny import finish

STUDIES = sorted((Path(__file__).parents[2] / "search_spaces").glob("[!_]*.py"))
PAIRS = [file for file in STUDIES if file.stem.startswith("cifar100_")]
HEAVY = ("cifar100_", "iakd_", "imagenet_", "infoflow_", "rco_")  # networks that take seconds for each setting
KINDS = {  # of images, and how many classes, where the data need not be here; ImageNet's are made smaller
    CIFAR10: ((3, 32, 32), 10),
    CIFAR100: ((3, 32, 32), 100),
    FashionMNIST: ((1, 28, 28), 10),
    ImageFolder: ((3, 64, 64), 1000),
}
ENOUGH = 2100  # images for 8192 words, the most that is searched, in maps of 2 x 2
SLOW = 1e-5  # a learning rate at which two images make nothing diverge
FEW = {"batch_size": 2, "epochs": 1, "pretrain_epochs": 1, "words": 4, "negatives": 2, "count": 2, "lr": SLOW}

every_study = pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
every_pair = pytest.mark.parametrize("file", PAIRS, ids=lambda file: file.stem)
every_study_slowly = pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=[pytest.mark.slow] if file.stem.startswith(HEAVY) else []) for file in STUDIES],
    ids=lambda file: file.stem,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@functools.cache
def studied(file: Path) -> Study:
    return load_study(file)


def kind(data: Any) -> tuple[tuple[int, ...], int]:
    """The shape of a data set's images, and its number of classes."""
    if type(data) in KINDS:
        return KINDS[type(data)]
    dataset = data.load()
    return dataset.image_shape, dataset.num_classes


def trained(spec: Recipe, **settings: Any) -> Teacher:
    """A teacher of the recipe's network that is trained here, whatever the recipe's own is."""
    model = spec.teacher.model
    model = dataclasses.replace(model, weights=None) if isinstance(model, Torchvision) else model
    return Teacher(model=model, **settings)


def without_files(study: Study) -> Study:
    """The study on synthetic images of the same kind, its teacher being trained on them."""
    shape, classes = kind(study.recipe.data)
    data = Synthetic(image_shape=shape, num_classes=classes, num_images=ENOUGH, held_out=classes)
    few_checkpoints = {"epochs": study.recipe.teacher.num_checkpoints, "every": 1}
    return dataclasses.replace(
        study, recipe=override(study.recipe, {"data": data, "teacher": trained(study.recipe, **few_checkpoints)})
    )


def reduced(spec: Recipe) -> Recipe:
    """A recipe on four images, with as few epochs as its route has stages, two at most."""
    data = Synthetic(image_shape=kind(spec.data)[0], num_classes=4, num_images=4, held_out=4)
    places = [path for path in paths(spec) if not path.startswith("teacher/")]
    few = {path: FEW[name] for path in places if (name := path.rpartition("/")[2]) in FEW}
    spec = override(spec, few | {"data": data})
    epochs = len(spec.route.starts(2))
    teacher = trained(spec, epochs=epochs, every=1, batch_size=2, optimiser=SGD(lr=SLOW))
    return override(spec, {"epochs": epochs, "teacher": teacher})


def assert_trains(spec: Recipe, store: Store):
    assert all(map(math.isfinite, finish(reduced(spec), store).column("train/loss"))), spec.terms


def test_the_walk_finds_what_is_there():
    assert {"digits", "which_method", "imagenet_resnet34_resnet18"} <= {file.stem for file in STUDIES}
    assert len(PAIRS) == 13


@every_study
def test_a_study_loads_and_every_setting_that_it_offers_can_work(file: Path):
    study = studied(file)
    assert isinstance(study, Study) and study.name == file.stem
    assert study.trials >= len(study.first)
    assert first_rung(study) <= study.recipe.epochs
    without_files(study).check(num_processes=2)


@every_study
def test_a_study_trains_its_base_recipe(file: Path, store: Store):
    assert_trains(studied(file).recipe, store)


@every_study_slowly
def test_a_study_trains_its_first_settings(file: Path, store: Store):
    study = studied(file)
    for values in study.first:
        assert_trains(study.recipe_of(study.complete(values)), store)


@every_study
def test_a_study_offers_review_only_where_the_rate_drops(file: Path):
    """Elsewhere it is growth under another name."""
    study = studied(file)
    offered = study.every_range().get("swap/schedule")
    drops = study.recipe.optimiser.schedule.drops(study.recipe.epochs)
    assert not isinstance(offered, CategoricalDistribution) or ("review" in offered.choices) == bool(drops)
    for recipe in study.every_component():
        if isinstance(recipe.swap, IAKD):
            assert recipe.swap.schedule == ("review" if drops else "growth")


@every_study
def test_a_studys_ranges_are_those_of_optuna(file: Path):
    kinds = (FloatDistribution, IntDistribution, CategoricalDistribution)
    ranges = studied(file).every_range()
    assert ranges and all(isinstance(found, kinds) for found in ranges.values())


# the reference benchmark


@every_pair
def test_a_pair_tries_every_method_that_works_on_it_at_its_published_setting(file: Path):
    study = studied(file)
    tried = {values["method"]: study.recipe_of(study.complete(values)) for values in study.first}
    assert tried.keys() == study.choices["method"].keys()
    assert methods().keys() - tried.keys() <= {"fsp", "iakd"}  # equal widths; equal sizes of maps
    weights = {  # of RepDistiller's -b, mdistiller's files, and the authors' of DIST
        "fitnet": 100.0,
        "attention": 1000.0,
        "sp": 3000.0,
        "cc": 0.02,
        "vid": 1.0,
        "rkd": 1.0,
        "pkt": 30000.0,
        "ft": 200.0,
        "nst": 50.0,
        "crd": 0.8,
        "ofd": 1e-3,
        "dist": 2.0,
        "dkd": 1.0,
    }
    for name, weight in weights.items():
        labels, term = tried[name].terms
        assert (labels.name, labels.weight) == ("cross_entropy", 1.0)
        assert (term.name, term.weight) == (name, weight)
    assert tried["kd"].terms == (CrossEntropy(weight=0.1), KD(weight=0.9, temperature=4.0))
    standardised = KD(weight=9.0, temperature=2.0, standardise=True)
    assert tried["standardised kd"].terms == (CrossEntropy(weight=0.1), standardised)
    assert [term.name for term in tried["ab"].terms] == ["cross_entropy"]


@every_pair
def test_a_pair_is_trained_by_the_benchmarks_recipe(file: Path):
    spec = studied(file).recipe
    light = file.stem.endswith(("mobilenetv2", "shufflev1", "shufflev2"))
    assert isinstance(spec.teacher, Teacher)
    for trained_by, rate in ((spec, 0.01 if light else 0.05), (spec.teacher, 0.05)):
        optimiser = trained_by.optimiser
        assert isinstance(optimiser, SGD)
        assert (trained_by.epochs, trained_by.batch_size, optimiser.lr) == (240, 64, rate)
        assert (optimiser.momentum, optimiser.weight_decay, optimiser.nesterov) == (0.9, 5e-4, False)
        assert optimiser.schedule.drops(240) == (150, 180, 210)
    assert first_rung(studied(file)) == 160


@pytest.mark.parametrize(
    ("name", "rung"),
    [
        ("imagenet_resnet34_resnet18", 34),  # the rate drops after epoch 30
        ("rco_cifar100_resnet50_mobilenetv2", 210),  # the last of four legs begins after epoch 180
        ("iakd_cifar100_resnet44_resnet26", 160),
    ],
)
def test_no_trial_is_stopped_before_it_can_be_judged(name: str, rung: int):
    assert first_rung(studied(next(file for file in STUDIES if file.stem == name))) == rung


@pytest.mark.parametrize(
    ("pair", "dkd", "review_kd", "quest"),
    [
        ("resnet32x4_resnet8x4", 8.0, 5.0, 1.0),
        ("vgg13_vgg8", 6.0, 5.0, 2.0),
        ("resnet56_resnet20", 2.0, 0.6, 1.0),
        ("resnet32x4_shufflev2", 8.0, 8.0, 1.0),
    ],
)
def test_settings_of_a_pair(pair: str, dkd: float, review_kd: float, quest: float):
    (file,) = (file for file in PAIRS if file.stem == f"cifar100_{pair}")
    study = studied(file)
    values = {name: study.recipe_of({"method": name}).terms[1] for name in ("dkd", "review_kd", "quest")}
    assert values["dkd"] == DKD(beta=dkd)
    assert (values["review_kd"].weight, values["quest"].weight) == (review_kd, quest)


def test_a_teacher_of_one_checkpoint_has_no_route():
    """As a downloaded `ckpt_epoch_240.pth`: RCO is not offered then."""
    file = next(file for file in STUDIES if file.stem == "imagenet_resnet34_resnet18")
    assert "rco" not in studied(file).choices["method"]


def test_the_ranges_around_published_settings_hold_them():
    study = studied(PAIRS[0])
    for values in study.first:
        spec = study.recipe_of(values)
        ranges = study.every_range()
        assert all(holds(ranges[path], value_at(spec, path)) for path in ranges.keys() & set(paths(spec)))
