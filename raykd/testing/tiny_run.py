"""The tiny run that components are tried in, and what every run promises: it repeats, and goes on where it was cut."""

import contextlib
import dataclasses
import math
import tempfile
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from raykd.data.dataset import load
from raykd.data.synthetic import Synthetic
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.models.cnn import CNN
from raykd.protocols.context import BuildContext
from raykd.protocols.epoch import Epoch, State
from raykd.protocols.teacher import TeacherRoute, teacher_route
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.teachers.trained import Teacher
from raykd.testing.promises import promise, promised
from raykd.training.loop import distill

CPU = torch.device("cpu")
_STUDENT = CNN(widths=(4, 6))
# Of the student's widths, as some methods need, and with a checkpoint for each of as many anchors as a route asks for.
_TEACHER = Teacher(model=CNN(widths=(4, 6), convolutions=2), epochs=4, every=1, batch_size=8)
TINY = Recipe(
    data=Synthetic(num_classes=3, image_shape=(1, 8, 8), num_images=24, held_out=9),
    student=_STUDENT,
    teacher=_TEACHER,
    terms=(CrossEntropy(weight=0.1), KD(weight=0.9)),
    epochs=4,
    batch_size=8,
)


@contextlib.contextmanager
def scratch() -> Iterator[Store]:
    """A store that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="raykd-testing-") as folder:
        yield Store(folder)


@contextlib.contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Within, PyTorch's global generator has a seed that no promise may depend on; afterwards it is as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def drawing_nothing(component: object, what: str) -> Iterator[None]:
    """Within, PyTorch's global generator must stay as it is."""
    before = torch.get_rng_state()
    yield
    promise(torch.equal(before, torch.get_rng_state()), component, f"{what} draws from PyTorch's global generator")


def context_of(recipe: Recipe, store: Store) -> tuple[BuildContext, TeacherRoute]:
    """What a recipe's components are built from, and its teacher's route."""
    assert recipe.teacher is not None
    route = teacher_route(recipe.teacher, recipe.data, store, device=CPU)
    return BuildContext(data=recipe.data, dataset=load(recipe.data, CPU), store=store, teacher=route), route


def check_run(component: Any, recipe: Recipe, store: Store) -> list[Epoch]:
    """Trains by a recipe that has the component in it: checks every number, the same run again, and it resumed.

    Raises:
        AssertionError: a promise is broken.
    """
    with promised(component, "checking a recipe with it"):
        recipe.check()
    states: list[State] = []
    epochs: list[Epoch] = []
    with promised(component, "a run with it"), global_seed(1):
        for epoch in distill(recipe, store=store, device=CPU):
            states.append(epoch.state())
            epochs.append(epoch)
    for epoch in epochs:
        wrong = {name: value for name, value in epoch.metrics.items() if not math.isfinite(value)}
        promise(not wrong, component, f"a run with it has no finite numbers in epoch {epoch.number}, but {wrong}")
    promise(_ends_alike(epochs, recipe, store), component, "a run with it does not repeat")
    for number, state in enumerate(states[:-1], 1):
        same = _ends_alike(epochs[number:], recipe, store, state)
        promise(same, component, f"a run with it that goes on after epoch {number} is not the unbroken one")
    return epochs


def _ends_alike(epochs: list[Epoch], recipe: Recipe, store: Store, resume: State | None = None) -> bool:
    """Whether a run by a recipe gives these last epochs, bit for bit: the same metrics, and the weights at the end."""
    with global_seed(2):
        again = list(distill(recipe, resume, store=store, device=CPU))
    if [epoch.metrics for epoch in again] != [epoch.metrics for epoch in epochs]:
        return False
    return same_tensors(again[-1].student(), epochs[-1].student())


def same_tensors(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def short(recipe: Recipe, **changes: Any) -> Recipe:
    """A recipe of two epochs at most."""
    return dataclasses.replace(recipe, epochs=min(2, recipe.epochs), **changes)
