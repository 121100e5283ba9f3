"""Each check of `raykd.testing` finds the component that breaks the promise, and says which one it is.

The components are those of `foreign_study.py`, which keep them all, with one thing changed.
"""

import dataclasses
import itertools
import math
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from raykd.data import Split
from raykd.methods import Start, Swap, Term
from raykd.models.staged import Staged
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherRoute, read_records, write_records
from raykd.space.ranges import override
from raykd.studies.study_file import load_study
from raykd.testing import (
    check_component,
    check_data,
    check_model,
    check_optimiser,
    check_route,
    check_schedule,
    check_start,
    check_swap,
    check_teacher,
    check_term,
    check_value,
)
from tiny import unwatched

RECIPE = load_study(Path(__file__).parents[1] / "foreign_study.py").recipe
DATA, NET, TEACHER, START, ROUTE, SWAP = (
    getattr(RECIPE, name) for name in ("data", "student", "teacher", "start", "route", "swap")
)
TERM, OPTIMISER, SCHEDULE = RECIPE.terms[0], RECIPE.optimiser, RECIPE.optimiser.schedule
IMAGE = (1, 8, 8)


def changed(component: Any, **members: Any) -> Any:
    """A component like another, called Broken, with some of its members replaced."""
    return dataclasses.dataclass(frozen=True, kw_only=True)(type("Broken", (type(component),), members))()


def breaks(check: Any, component: Any, message: str, **options: Any) -> None:
    with pytest.raises(AssertionError, match=message) as raised:
        check(component, **options)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("own", [DATA, NET, TEACHER, START, TERM, ROUTE, SWAP, OPTIMISER, SCHEDULE], ids=repr)
def test_what_keeps_its_promises_passes(own: Any):
    check_component(own, **({"image": IMAGE} if own is NET else {}))


def test_what_is_no_component_is_named():
    breaks(check_component, 3, "int is none of TermSpec, Start, .*, ModelSpec; call the check of what it is to be")


# all components


@dataclasses.dataclass
class Mutable:
    widths: Any = (4,)

    def build(self, num_classes: int, image: tuple[int, ...]) -> Staged:
        return NET.build(num_classes, image)


@pytest.mark.parametrize(
    ("component", "protocol", "message"),
    [
        (type(NET), ModelSpec, "type: is a class, .*Net.*; check a value of it"),
        (SCHEDULE, Start, "Ramp: has no needs_teacher, no check, no begin, which a Start has"),
        (Mutable(), ModelSpec, "Mutable: must be a frozen dataclass"),
        (dataclasses.replace(SWAP, steps=9), Swap, "EveryFew: steps: 9 is not within its range 1 to 3"),
    ],
)
def test_values(component: Any, protocol: type, message: str):
    breaks(lambda part: check_value(part, protocol), component, message)


def test_fields_of_a_value():
    frozen: Any = dataclasses.dataclass(frozen=True)
    build = {"build": Mutable.build}
    lists = frozen(type("Lists", (), {"__annotations__": {"widths": Any}, "widths": None, **build}))
    breaks(lambda part: check_value(part, ModelSpec), lists(widths=[4]), "Lists: hashing it raises TypeError: unhash")
    breaks(lambda part: check_value(part, ModelSpec), lists(widths=print), "Lists: writing it as JSON raises TypeError")

    def refuse(self: Any) -> None:
        if self.width == 6:
            raise ValueError("no six")

    breaks(check_model, changed(NET, __post_init__=refuse), "overriding width by 6, an end .* InvalidError: width: no")

    def grow(self: Any) -> None:
        object.__setattr__(self, "steps", min(self.steps + 1, 3))

    breaks(check_swap, changed(SWAP, __post_init__=grow), "steps: overridden by 1 it is 2")

    counted = itertools.count()
    grows = {"__annotations__": {"tag": int}, "tag": 0, **build}
    grows["__post_init__"] = lambda self: object.__setattr__(self, "tag", next(counted))
    breaks(
        lambda part: check_value(part, ModelSpec), frozen(type("Grows", (), grows))(), "JSON as another value, Grows"
    )


# terms


def term_of(loss: Any, **members: Any) -> Any:
    """A term whose loss for the student's logits and its own module is a function."""

    class Broken(Term):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        def forward(self, student: Any, teacher: Any, batch: Any, clock: Any) -> Any:
            self.calls += 1
            return loss(student.logits, self)

    return changed(TERM, build=lambda self, shapes, context: Broken(), **members)


COUNT = itertools.count(1)


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (term_of(lambda logits, term: logits.sum() * math.nan), "its loss must be a finite number, got nan"),
        (term_of(lambda logits, term: logits.sum(dim=1)), r"its loss must be a scalar, got a tensor of shape \(8,\)"),
        (term_of(lambda logits, term: 1.0), "its loss must be a scalar, got 1.0"),
        (term_of(lambda logits, term: logits.detach().sum()), "its loss gives the student no gradient"),
        (term_of(lambda logits, term: (logits * 0).sum()), "its loss gives the student no gradient"),
        (term_of(lambda logits, term: (logits - logits).sum().sqrt()), "its gradient is not finite"),
        (term_of(lambda logits, term: logits.square().mean() * next(COUNT)), "a run with it does not repeat"),
        (
            term_of(lambda logits, term: logits.square().mean() * term.calls),
            "a run with it that goes on after epoch 1 is not the unbroken one",
        ),
        (changed(TERM, build=lambda self, shapes, context: nn.Linear(1, 1)), "builds a Linear, which is no Term"),
        (changed(TERM, name="my/term"), "its name stands in paths, and is 'my/term'"),
        (changed(TERM, check=lambda self, shapes: {}["x"]), "checking a recipe with it raises KeyError: x"),
        (
            changed(TERM, __post_init__=lambda self: 1 / self.weight),
            "giving it the weight 0, which leaves it out, raises ZeroDivisionError",
        ),
    ],
)
def test_terms(term: Any, message: str):
    breaks(check_term, term, message)


# starts, routes and swaps


def begin_with(change: Any) -> Any:
    def begin(self: Any, student: Staged, model: Any, seed: int, shapes: Any, context: Any) -> None:
        with torch.no_grad():
            for parameter in student.parameters():
                change(parameter, seed)

    return changed(START, begin=begin)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (begin_with(lambda values, seed: values.normal_()), "beginning draws from PyTorch's global generator"),
        (begin_with(lambda values, seed: values.mul_(random.random())), "same student and seed do not give the same"),
        (begin_with(lambda values, seed: values.fill_(0.5)), "another seed of the run gives the same weights"),
        (begin_with(lambda values, seed: values.fill_(math.inf)), "its weights are not finite"),
    ],
)
def test_starts(start: Any, message: str):
    breaks(check_start, start, message)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"choose": lambda self, visited, last, ratio: last - 1}, r"to the final teacher, 6, got \[5, 5\] with 6"),
        ({"choose": lambda self, visited, last, ratio: last - len(visited)}, r"rise .*, got \[6, 5\]"),
        ({"starts": lambda self, epochs: (1, 3)}, r"its legs must start at rising epochs from 0, got \(1, 3\)"),
        ({"starts": lambda self, epochs: (0, 3, 3)}, r"its legs must start at rising epochs from 0, got \(0, 3, 3\)"),
        ({"starts": lambda self, epochs: (0, epochs)}, r"must start before the run ends, got \(0, 6\)"),
        ({"check": lambda self, shapes, epochs: 1 / 0}, "checking it with 6 checkpoints and 6 epochs raises ZeroDiv"),
        (
            {"choose": lambda self, visited, last, ratio: max(1, last - 3 + 3 * len(visited)) if last == 6 else 1},
            r"must end with the final teacher, that of epoch 3, got those of epochs \[1, 1, 1, 1\]",
        ),
    ],
)
def test_routes(members: dict[str, Any], message: str):
    breaks(check_route, changed(ROUTE, **members), message, recipe=RECIPE)


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda self, stages, clock: frozenset({int(torch.rand(()) < 0.5)}), "choosing draws from PyTorch's global"),
        (lambda self, stages, clock: frozenset({random.randrange(2)}), "must depend on the clock alone, got"),
        (lambda self, stages, clock: frozenset({stages}), r"it may choose \{0, 1\} of 2 stages without the head, got"),
    ],
)
def test_swaps(choose: Any, message: str):
    breaks(check_swap, changed(SWAP, choose=choose), message)


def test_swaps_of_everything():
    def everything(self: Any, num_stages: int, clock: Any) -> frozenset[int]:
        return frozenset(range(num_stages + 1))

    every = dataclasses.replace(changed(SWAP, choose=everything), swap_head=True)
    breaks(check_swap, every, "it leaves nothing of the student to train in epoch 0, step 0")
    breaks(check_swap, changed(SWAP, keep=lambda self, clock: 1.5), "keep must be a probability, 0 to 1, got 1.5")


# models, data sets and teachers


class Plain(nn.Module):
    """A stage, a ReLU that no module stands for, and another stage."""

    def __init__(self, num_classes: int, between: Any = torch.relu):
        super().__init__()
        self.first, self.last, self.between = nn.Conv2d(1, 4, 3), nn.Linear(4 * 36, num_classes), between

    def forward(self, images: Any) -> Any:
        return self.last(self.between(self.first(images)).flatten(1))


def cut(network: nn.Module, *stages: Any) -> Any:
    return Staged(network, stem=(), stages=stages, head=(nn.Flatten(), "last"))


def idle(num_classes: int) -> nn.Module:
    network = Plain(num_classes)
    network.idle = nn.Linear(2, 2)
    return network


def unseeded(num_classes: int) -> nn.Module:
    network = Plain(num_classes)
    nn.init.normal_(network.last.weight, generator=torch.Generator().manual_seed(random.randrange(10**6)))
    return network


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda self, classes, image: cut(Plain(classes), "first"), "the stages do not compute what the network comp"),
        (
            lambda self, classes, image: cut(Plain(classes), "first", torch.relu_),
            "the output of stage 0 is changed in place by what follows",
        ),
        (lambda self, classes, image: cut(Plain(9), ("first", torch.relu)), r"its logits must be .*, got \(2, 9\)"),
        (lambda self, classes, image: cut(idle(classes), ("first", torch.relu)), "not reach its parameters .*idle"),
        (lambda self, classes, image: cut(unseeded(classes), ("first", torch.relu)), "the same seed of .* not give"),
        (lambda self, classes, image: Plain(classes), "builds a Plain, which is no Staged"),
        (lambda self, classes, image: 1 / 0, r"building it for images of \(1, 8, 8\) and 7 classes raises ZeroDiv"),
    ],
)
def test_models(build: Any, message: str):
    breaks(check_model, changed(NET, build=build), message, image=IMAGE)


def loads(**parts: Any) -> Any:
    return changed(DATA, load=lambda self: dataclasses.replace(DATA.load(), **{k: v() for k, v in parts.items()}))


def split(images: Any = None, labels: Any = None) -> Split:
    validation = DATA.load().validation
    given = {"images": images, "labels": labels}
    return unwatched(Split, **vars(validation) | {name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (loads(validation=lambda: DATA.load().train), "24 of the 24 images of its validation split are in its train"),
        (loads(test=lambda: DATA.load().validation), "10 of the 10 images of its test split are in its validation"),
        (loads(test=lambda: split(labels=torch.arange(10))), "labels of its test split must run from 0 to 1.* 0 to 9"),
        (loads(validation=lambda: split(labels=torch.arange(10) - 1)), "labels of its validation split.*got -1 to 8"),
        (loads(test=lambda: split(images=torch.zeros(10, 1, 4, 4, dtype=torch.uint8))), r"test images are \(1, 4, 4\)"),
        (loads(test=lambda: split(labels=torch.zeros(7, dtype=torch.int64))), "has 10 images and 7 labels"),
        (loads(test=lambda: split().take(torch.arange(0))), "its test split is empty"),
        (
            loads(test=lambda: split(images=torch.randint(256, (10, *IMAGE), dtype=torch.uint8))),
            "its test split is another one each time that it is loaded",
        ),
        (loads(mean=lambda: (0.5, 0.5)), r"its mean must be 1 numbers, one a channel, got \(0.5, 0.5\)"),
        (loads(std=lambda: (0.0,)), r"its std must be above 0, got \(0.0,\)"),
        (loads(mean=lambda: (math.nan,)), "its images are not finite once they are normalised"),
        (changed(DATA, load=lambda self: [1]), "load gives a list, which is no Dataset"),
        (changed(DATA, load=lambda self: open("nowhere")), "loading it raises FileNotFoundError: nowhere: No such"),  # noqa: PTH123, SIM115
    ],
)
def test_data_sets(data: Any, message: str):
    breaks(check_data, data, message)


def records(**told: Any) -> Any:
    """A teacher whose records are changed."""

    def route(self: Any, context: Any) -> TeacherRoute:
        made = TEACHER.route(context)
        write_records(made.folder, [record | told for record in read_records(made.folder)])
        return made

    return changed(TEACHER, route=route)


def weights(change: Any) -> Any:
    """A teacher whose weights are changed as they are read."""

    class Changed(TeacherRoute):
        def weights(self, checkpoint: int) -> dict[str, torch.Tensor]:
            return {name: change(value.float()) for name, value in super().weights(checkpoint).items()}

    def route(self: Any, context: Any) -> TeacherRoute:
        made = TEACHER.route(context)
        return Changed(made.teacher, made.folder, made.dataset)

    return changed(TEACHER, route=route)


def elsewhere(self: Any, context: Any) -> TeacherRoute:
    made = TEACHER.route(context)
    return TeacherRoute(made.teacher, made.folder.rename(tempfile.mkdtemp(dir=context.store.root)), made.dataset)


def drawing(self: Any, context: Any) -> TeacherRoute:
    torch.rand(1)
    return TEACHER.route(context)


longer = dataclasses.replace(changed(TEACHER, route=lambda self, context: TEACHER.route(context)), num_checkpoints=5)


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (longer, "says that it has 5"),
        (records(epoch=4), r"the epochs of its checkpoints must rise, got \[4, 4, 4\]"),
        (records(accuracy=75.0), r"must be 0 to 1, got \[75.0, 75.0, 75.0\]"),
        (weights(lambda values: values * random.random()), "checkpoint 1 is another one each time that it is made"),
        (weights(lambda values: values * 0 + math.inf), "the weights of checkpoint 1 are not finite"),
        (changed(TEACHER, route=elsewhere), "its route is made once more where the store has it"),
        (changed(TEACHER, route=drawing), "making its route draws from PyTorch's global generator"),
        (changed(TEACHER, check=lambda self, data: 1 / 0), r"checking it for Synthetic\(.* raises ZeroDivisionError"),
    ],
)
def test_teachers(teacher: Any, message: str):
    breaks(check_teacher, teacher, message)


# schedules and optimisers


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"factor": lambda self, epoch, epochs: 0.5 - epoch / epochs}, "and at least 0, got -0.09.* at epoch 0.6 of"),
        ({"factor": lambda self, epoch, epochs: math.nan}, "its factor must be finite and at least 0, got nan"),
        ({"factor": lambda self, epoch, epochs: random.random()}, r"its factor at epoch 0.0 of 1 is 0.\d+, and then 0"),
        ({"factor": lambda self, epoch, epochs: epoch / (epochs - 1)}, "at epoch 0.0 of 1 raises ZeroDivisionError"),
        ({"drops": lambda self, epochs: (3, 1)}, r"its drops must be rising epochs, 0 to 1, .*got \(3, 1\)"),
        ({"drops": lambda self, epochs: [0]}, r"its drops must be rising epochs, 0 to 1, in a tuple, got \[0\]"),
    ],
)
def test_schedules(members: dict[str, Any], message: str):
    broken = changed(SCHEDULE, **members)
    breaks(check_schedule, broken, message)
    breaks(check_optimiser, override(OPTIMISER, {"schedule": broken}), message)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda self, values: torch.optim.SGD(list(values)[:1], self.lr), "a step does not move every parameter"),
        (lambda self, values: torch.optim.SGD(values, 0.3), r"is built with the learning rates \[0.3\], and says 0.01"),
        (lambda self, values: 1 / 0, "building it and taking a step raises ZeroDivisionError"),
    ],
)
def test_optimisers(build: Any, message: str):
    breaks(check_optimiser, changed(OPTIMISER, build=build), message)


def test_an_optimiser_with_a_state_that_is_not_kept():
    class Forgetful(torch.optim.SGD):
        calls = 0

        def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            self.calls += 1
            for group in self.param_groups:
                group["lr"] = 0.01 * self.calls
            super().step()

    broken = changed(OPTIMISER, build=lambda self, values: Forgetful(values, self.lr))
    breaks(check_optimiser, broken, "a run with it that goes on after epoch 1 is not the unbroken one")
