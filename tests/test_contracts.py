"""What every method and model promises; found by walking the folders: a new file is tested with no edit."""

import dataclasses
import importlib
import inspect
import math
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from optuna.distributions import IntDistribution

import owned
import raykd.methods
import raykd.models
import raykd.optim
from raykd.distributed.world import World
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.models.cnn import CNN
from raykd.protocols.method import Route, Start, Swap, TermSpec
from raykd.protocols.model import ModelSpec
from raykd.recipe import Recipe
from raykd.space.ranges import override, paths, space
from raykd.storage.artifacts import Store
from raykd.teachers.distilled import DistilledTeacher
from raykd.teachers.folder import CheckpointFolder
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.testing import (
    check_optimiser,
    check_route,
    check_schedule,
    check_start,
    check_swap,
    check_teacher,
    check_term,
    check_value,
)
from raykd.testing.tiny_run import TINY
from raykd.training.run import Run
from tiny import STUDENT, TEACHER, TinyData, assert_same_run, composed, finish, recipe

TWIN = dataclasses.replace(TEACHER, model=CNN(widths=STUDENT.widths, convolutions=2))  # widths that suit every method
SHORT = {"epochs": 1, "batch_size": 8}  # of a first stage
SHARED = {"weight", "swap_head", "restart"}  # fields that their seam explains, in `raykd.methods`


def components(package: ModuleType, *methods: str) -> list[Any]:
    """The dataclasses with these methods that the modules of a package define."""
    names = [f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(getattr(package, "__path__", ()))]
    modules = [package, *map(importlib.import_module, names)]
    return [
        cls
        for module in modules
        for _, cls in inspect.getmembers(module, dataclasses.is_dataclass)
        if cls.__module__ == module.__name__ and set(methods) <= set(dir(cls))
    ]


TERMS = components(raykd.methods, "name", "check", "build")
STARTS = components(raykd.methods, "check", "begin")
ROUTES = components(raykd.methods, "check", "starts", "choose")
SWAPS = components(raykd.methods, "check", "keep", "choose")
MODELS = components(raykd.models, "build")
SCHEDULES = components(raykd.optim, "factor", "drops")
OPTIMISERS = components(raykd.optim, "build")
KIND = {
    **dict.fromkeys(TERMS, TermSpec),
    **dict.fromkeys(STARTS, Start),
    **dict.fromkeys(ROUTES, Route),
    **dict.fromkeys(SWAPS, Swap),
    **dict.fromkeys(MODELS, ModelSpec),
}

every_component = pytest.mark.parametrize("cls", KIND, ids=lambda cls: cls.__name__)
every_start = pytest.mark.parametrize("cls", STARTS, ids=lambda cls: cls.__name__)
every_term = pytest.mark.parametrize("cls", TERMS, ids=lambda cls: cls.__name__)
every_route = pytest.mark.parametrize("cls", ROUTES, ids=lambda cls: cls.__name__)
every_swap = pytest.mark.parametrize("cls", SWAPS, ids=lambda cls: cls.__name__)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def smallest(cls: type) -> Any:
    """A component at its defaults, with a short first stage and the least of every whole number that is searched."""
    whole = {path: found.low for path, found in space(cls()).items() if isinstance(found, IntDistribution)}
    short = {path: SHORT[name] for path in paths(cls()) if (name := path.rpartition("/")[2]) in SHORT}
    return override(cls(), short | whole)


def live(spec: Recipe, store: Store) -> Run:
    run = Run(spec, store, World.alone(torch.device("cpu")), lambda line: None)
    run.advance(0)
    return run


def test_the_walk_finds_what_is_there():
    assert {"CrossEntropy", "KD", "Quest", "InfoFlow"} <= {cls.__name__ for cls in TERMS}
    assert {"Fresh", "AB", "FSPStart"} <= {cls.__name__ for cls in STARTS}
    assert {"FinalTeacher", "EqualInterval", "Greedy"} <= {cls.__name__ for cls in ROUTES}
    assert {"NoSwap", "IAKD"} <= {cls.__name__ for cls in SWAPS}
    assert {"CNN", "ResNet"} <= {cls.__name__ for cls in MODELS}
    assert {"Step", "Cosine", "Constant"} <= {cls.__name__ for cls in SCHEDULES}
    assert {"SGD", "Adam"} <= {cls.__name__ for cls in OPTIMISERS}


# all components


@every_component
def test_fields_are_given_by_keyword(cls: Any):
    assert all(field.kw_only for field in dataclasses.fields(cls))
    assert cls() == cls()


@every_component
def test_the_docstring_explains_every_field(cls: Any):
    assert cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}(")  # the one that `dataclass` would write
    _, _, arguments = cls.__doc__.partition("Args:\n")
    explained = {name for line in re.findall(r"^ +(\w+(?:, \w+)*): ", arguments, re.M) for name in line.split(", ")}
    assert {field.name for field in dataclasses.fields(cls)} - SHARED <= explained


@every_component
def test_the_defaults_are_a_value(cls: Any):
    """That of the smallest is checked with all that its kind promises."""
    check_value(cls(), KIND[cls])


def test_no_component_answers_for_another_seam():
    assert all(isinstance(cls(), seam) for cls, seam in KIND.items())
    seams = [cls for classes in (TERMS, STARTS, ROUTES, SWAPS) for cls in classes]
    assert len(set(seams)) == len(seams)


# terms


def test_names_of_terms_are_their_own():
    names = [cls.name for cls in TERMS]  # pyright: ignore[reportAttributeAccessIssue]
    assert len(set(names)) == len(names)


@every_term
def test_a_term_keeps_its_promises(cls: Any):
    check_term(smallest(cls))


@every_term
def test_weight_zero_leaves_a_term_out(cls: Any, store: Store):
    other = KD() if cls is CrossEntropy else CrossEntropy()
    spec = recipe(terms=(other, dataclasses.replace(cls(), weight=0.0)))
    assert spec.active_terms == (other,)
    assert list(live(spec, store).distiller.terms) == [other.name]


@every_term
def test_weight_zero_is_the_run_without_the_term(cls: Any, store: Store):
    other = KD() if cls is CrossEntropy else CrossEntropy()
    both = recipe(teacher=TWIN, terms=(other, dataclasses.replace(smallest(cls), weight=0.0)), epochs=1)
    assert_same_run(finish(both, store), finish(dataclasses.replace(both, terms=(other,)), store))


@every_term
def test_a_negative_weight_is_refused(cls: Any):
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -1\.0"):
        recipe(terms=(dataclasses.replace(cls(), weight=-1.0),))


def test_all_terms_together_follow_a_route_and_swap(store: Store):
    terms = tuple(smallest(cls) for cls in TERMS)
    found = finish(composed(teacher=TWIN, terms=terms, epochs=2), store)
    for cls in TERMS:
        assert all(map(math.isfinite, found.column(f"train/{cls.name}"))), cls  # pyright: ignore[reportAttributeAccessIssue]


# starts, routes and swaps, teachers, optimisers and schedules; models and data sets in their own folders


@every_start
def test_a_start_keeps_its_promises(cls: Any):
    check_start(smallest(cls))


@every_route
def test_a_route_keeps_its_promises(cls: Any):
    check_route(cls())


@every_swap
@pytest.mark.parametrize("swap_head", [False, True])
def test_a_swap_keeps_its_promises(cls: Any, swap_head: bool):
    check_swap(dataclasses.replace(cls(), swap_head=swap_head))


@pytest.mark.parametrize("cls", SCHEDULES, ids=lambda cls: cls.__name__)
def test_a_schedule_keeps_its_promises(cls: Any):
    check_schedule(cls())


@pytest.mark.parametrize("cls", OPTIMISERS, ids=lambda cls: cls.__name__)
def test_an_optimiser_keeps_its_promises(cls: Any):
    check_optimiser(cls())


def test_teachers_keep_their_promises(tmp_path: Path):
    check_teacher(TEACHER)
    file = owned.save(owned.knowing(), tmp_path / "teachers" / "ckpt_epoch_7.pth")
    check_teacher(PretrainedTeacher(file=str(file), model=owned.MODEL), TinyData())
    owned.save(owned.untrained(), file.with_name("ckpt_epoch_3.pth"))
    check_teacher(CheckpointFolder(folder=str(file.parent), model=owned.MODEL), TinyData())
    check_teacher(DistilledTeacher(recipe=dataclasses.replace(TINY, epochs=2), every=1))
