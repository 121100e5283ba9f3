"""What a start promises: weights that are a function of the student and its seed."""

import dataclasses

import torch
from torch import Tensor

from raykd.protocols.method import Start
from raykd.recipe import Recipe, build_network
from raykd.storage.artifacts import Store
from raykd.testing.promises import check_value, promise, promised
from raykd.testing.tiny_run import (
    TINY,
    check_run,
    context_of,
    drawing_nothing,
    global_seed,
    same_tensors,
    scratch,
    short,
)


def check_start(start: Start, recipe: Recipe = TINY) -> None:
    """Checks that a start keeps its promises.

    Args:
        recipe: the run to try it in. It has few images, so a first stage must be short and its batches small.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(start, Start)
    spec = short(recipe, start=start)
    with scratch() as store:
        with promised(start, "checking a recipe with it"):
            spec.check()
        first, again = (_begun(start, spec, store, global_number) for global_number in (1, 2))
        promise(same_tensors(first, again), start, "the same student and seed do not give the same weights")
        promise(all(bool(value.isfinite().all()) for value in first.values()), start, "its weights are not finite")
        other = _begun(start, dataclasses.replace(spec, seed=spec.seed + 1), store, 1)
        promise(not same_tensors(first, other), start, "another seed of the run gives the same weights")
        check_run(start, spec, store)


def _begun(start: Start, recipe: Recipe, store: Store, seed: int) -> dict[str, Tensor]:
    """The student's weights where training begins, `seed` being that of PyTorch's global generator."""
    shapes = recipe.shapes()
    context, _ = context_of(recipe, store)
    student = build_network(recipe.student, shapes.num_classes, shapes.image, "student", recipe.seed)
    with promised(start, "beginning"), global_seed(seed), drawing_nothing(start, "beginning"):
        start.begin(student, recipe.student, recipe.seed, shapes, context)
    return {name: torch.as_tensor(value) for name, value in student.network.state_dict().items()}
