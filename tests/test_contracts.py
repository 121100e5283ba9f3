"""What every method and model promises; found by walking the folders: a new file is tested with no edit."""

import dataclasses
import importlib
import inspect
import math
import pkgutil
import re
from types import ModuleType
from typing import Any

import pytest
import torch
from optuna.distributions import CategoricalDistribution, IntDistribution

import raykd.methods
import raykd.models
from raykd.distributed.world import World
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.methods.rco import EqualInterval
from raykd.models.cnn import CNN
from raykd.protocols.method import Clock, Route, Start, Swap, TermSpec
from raykd.protocols.model import ModelSpec
from raykd.recipe import Recipe
from raykd.space.ranges import holds, override, paths, space, value_at
from raykd.space.serialise import decode, encode, fingerprint
from raykd.storage.artifacts import Store
from raykd.training.loop import _Run, distill
from tiny import STUDENT, TEACHER, assert_same_run, composed, finish, recipe, same_weights

TWIN = dataclasses.replace(TEACHER, model=CNN(widths=STUDENT.widths, convolutions=2))  # widths that suit every method
SHORT = {"epochs": 1, "batch_size": 8}  # of a first stage
SHARED = {"weight", "swap_head", "restart"}  # fields that their seam explains, in `raykd.methods`


def components(package: ModuleType, *methods: str) -> list[Any]:
    """The dataclasses with these methods that the modules of a package define."""
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]
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

every_component = pytest.mark.parametrize(
    "cls", [*TERMS, *STARTS, *ROUTES, *SWAPS, *MODELS], ids=lambda cls: cls.__name__
)
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


def live(spec: Recipe, store: Store) -> _Run:
    run = _Run(spec, store, World.alone(torch.device("cpu")), lambda line: None)
    run.advance(0)
    return run


def test_the_walk_finds_what_is_there():
    assert {"CrossEntropy", "KD", "Quest", "InfoFlow"} <= {cls.__name__ for cls in TERMS}
    assert {"Fresh", "AB", "FSPStart"} <= {cls.__name__ for cls in STARTS}
    assert {"FinalTeacher", "EqualInterval", "Greedy"} <= {cls.__name__ for cls in ROUTES}
    assert {"NoSwap", "IAKD"} <= {cls.__name__ for cls in SWAPS}
    assert {"CNN", "ResNet"} <= {cls.__name__ for cls in MODELS}


# all components


@every_component
def test_a_component_is_a_frozen_value_given_by_keyword(cls: Any):
    assert cls.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(cls))
    assert cls() == cls()
    assert hash(cls()) == hash(cls())


@every_component
def test_the_docstring_explains_every_field(cls: Any):
    assert cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}(")  # the one that `dataclass` would write
    _, _, arguments = cls.__doc__.partition("Args:\n")
    explained = {name for line in re.findall(r"^ +(\w+(?:, \w+)*): ", arguments, re.M) for name in line.split(", ")}
    assert {field.name for field in dataclasses.fields(cls)} - SHARED <= explained


@every_component
def test_defaults_lie_within_their_ranges(cls: Any):
    for path, found in space(cls()).items():
        assert holds(found, value_at(cls(), path)), path


@every_component
def test_a_component_takes_both_ends_of_its_ranges(cls: Any):
    for path, found in space(cls()).items():
        ends = found.choices if isinstance(found, CategoricalDistribution) else (found.low, found.high)  # pyright: ignore[reportAttributeAccessIssue]
        for end in ends:
            assert value_at(override(cls(), {path: end}), path) == end


@every_component
def test_a_component_comes_back_from_json(cls: Any):
    assert decode(encode(cls())) == cls()
    assert fingerprint(decode(encode(smallest(cls)))) == fingerprint(smallest(cls))


def test_no_component_answers_for_another_seam():
    kinds = ((TERMS, TermSpec), (STARTS, Start), (ROUTES, Route), (SWAPS, Swap), (MODELS, ModelSpec))
    for classes, seam in kinds:
        assert all(isinstance(cls(), seam) for cls in classes)
    seams = [cls for classes, _ in kinds[:-1] for cls in classes]
    assert len(set(seams)) == len(seams)


# terms


def test_names_of_terms_are_their_own():
    names = [cls.name for cls in TERMS]  # pyright: ignore[reportAttributeAccessIssue]
    assert len(set(names)) == len(names)


@every_term
def test_a_term_is_a_finite_number_that_teaches_the_student(cls: Any, store: Store):
    spec = recipe(teacher=TWIN, terms=(smallest(cls),))
    spec.check()
    run = live(spec, store)
    run.distiller.train()
    batch = next(run.dataset.batches(0, 0, spec.batch_size))
    teacher = run._ask_teacher(batch.images)
    assert (teacher is not None) == smallest(cls).needs_teacher
    losses = run.distiller(batch, teacher, frozenset(), Clock(epoch=0, epochs=spec.epochs))
    assert list(losses) == [cls.name]
    loss = losses[cls.name]
    assert loss.shape == () and torch.isfinite(loss)
    loss.backward()
    gradients = [parameter.grad for parameter in run.distiller.student.parameters() if parameter.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert any(gradient.abs().sum() > 0 for gradient in gradients)
    assert run.anchors.teacher is not None
    assert all(parameter.grad is None for parameter in run.anchors.teacher.parameters())


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
def test_a_resumed_run_with_a_term_repeats_bit_for_bit(cls: Any, store: Store):
    """After an epoch, where the route goes on to another checkpoint."""
    spec = recipe(teacher=TWIN, terms=(smallest(cls),), route=EqualInterval(count=2), epochs=2)
    epochs = distill(spec, store=store)
    saved = next(epochs).state()
    (last,) = epochs
    rest = finish(spec, store, saved)
    assert rest.metrics == [last.metrics]
    assert same_weights(rest.weights, last.student())


@every_term
def test_a_negative_weight_is_refused(cls: Any):
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -1\.0"):
        recipe(terms=(dataclasses.replace(cls(), weight=-1.0),))


def test_all_terms_together_follow_a_route_and_swap(store: Store):
    terms = tuple(smallest(cls) for cls in TERMS)
    found = finish(composed(teacher=TWIN, terms=terms, epochs=2), store)
    for cls in TERMS:
        assert all(map(math.isfinite, found.column(f"train/{cls.name}"))), cls  # pyright: ignore[reportAttributeAccessIssue]


# starts, routes and swaps


@every_start
def test_a_run_begins_with_every_start(cls: Any, store: Store):
    start = smallest(cls)
    spec = recipe(teacher=TWIN, start=start, epochs=2)
    spec.check()
    found = finish(spec, store)
    assert all(map(math.isfinite, found.column("train/loss")))
    assert_same_run(finish(spec, store), found)


@every_start
def test_a_start_is_a_function_of_the_students_seed(cls: Any, store: Store):
    begun = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(begun))
        begun.append(live(recipe(teacher=TWIN, start=smallest(cls), seed=seed), store).student_weights())
    assert same_weights(begun[0], begun[1]) and not same_weights(begun[0], begun[2])


@every_route
@pytest.mark.parametrize("epochs", [6, 7, 50])
def test_a_route_ends_with_the_final_teacher(cls: Any, epochs: int):
    route, last = cls(), 6
    route.check(dataclasses.replace(recipe().shapes(), num_checkpoints=last), epochs)
    starts = route.starts(epochs)
    assert starts[0] == 0 and list(starts) == sorted(set(starts)) and starts[-1] < epochs
    for difficulty in (0.0, 1.0, 100.0):
        visited: list[int] = []
        for _ in starts:
            visited.append(route.choose(tuple(visited), last, lambda i, j, difficulty=difficulty: difficulty))
        assert visited[-1] == last and visited == sorted(visited) and visited[0] >= 1


@every_swap
@pytest.mark.parametrize("swap_head", [False, True])
def test_a_swap_is_a_function_of_the_clock(cls: Any, swap_head: bool):
    swap = dataclasses.replace(cls(), swap_head=swap_head)
    swap.check(recipe().shapes())
    for epoch in range(10):
        for step in range(5):
            clock = Clock(epoch=epoch, epochs=10, step=step, milestones=(5,), seed=1)
            swapped = swap.choose(2, clock)
            assert swapped == swap.choose(2, clock)
            assert swapped <= ({0, 1, 2} if swap_head else {0, 1})
            assert len(swapped) < 3  # something is left to train
            assert 0.0 <= swap.keep(clock) <= 1.0


@every_swap
def test_a_swapped_run_trains_and_resumes_nothing_of_the_teacher(cls: Any, store: Store):
    found = finish(recipe(swap=cls(), epochs=2), store)
    assert all(map(math.isfinite, found.column("train/loss")))


@every_route
def test_a_run_follows_every_route(cls: Any, store: Store):
    assert finish(recipe(route=cls()), store).column("train/anchor")[-1] == 4
