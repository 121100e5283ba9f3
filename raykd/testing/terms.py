"""What a term promises: a finite number that teaches the student, and nothing else."""

import dataclasses

import torch
from torch import Tensor

from raykd.methods.rco import EqualInterval
from raykd.protocols.method import Clock, Term, TermSpec
from raykd.recipe import Recipe, build_network
from raykd.storage.artifacts import Store
from raykd.testing.promises import check_value, promise, promised
from raykd.testing.tiny_run import TINY, check_run, context_of, global_seed, scratch, short


def check_term(term: TermSpec, recipe: Recipe = TINY) -> None:
    """Checks that a term keeps its promises.

    Args:
        recipe: the run to try it in, whose terms it takes the place of; it needs a teacher with two checkpoints.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(term, TermSpec)
    promise(bool(term.name) and "/" not in term.name, term, f"its name stands in paths, and is {term.name!r}")
    fields = {field.name for field in dataclasses.fields(term)}  # pyright: ignore[reportArgumentType]
    promise("weight" in fields, term, "its weight must be a field, so that a weight of 0 can leave it out")
    with promised(term, "giving it the weight 0, which leaves it out,"):
        dataclasses.replace(term, weight=0.0)  # pyright: ignore[reportArgumentType]
    spec = short(recipe, terms=(dataclasses.replace(term, weight=1.0),))  # pyright: ignore[reportArgumentType]
    with scratch() as store:
        with promised(term, "checking a recipe with it"):
            spec.check()
        _check_step(term, spec, store)
        check_run(term, dataclasses.replace(spec, route=EqualInterval(count=2)), store)


def _check_step(term: TermSpec, recipe: Recipe, store: Store) -> None:
    shapes = recipe.shapes()
    context, route = context_of(recipe, store)
    student = build_network(recipe.student, shapes.num_classes, shapes.image, "student", recipe.seed).train()
    teacher = route.network(route.num_checkpoints)
    batch = next(context.dataset.batches(0, recipe.seed, recipe.batch_size))
    with promised(term, "building it and computing a loss"), global_seed(1):
        module = term.build(shapes, context)
        promise(isinstance(module, Term), term, f"builds a {type(module).__name__}, which is no Term")
        module.train().follow(route.num_checkpoints)
        with torch.no_grad():
            outputs = teacher(batch.images) if term.needs_teacher else None
        loss = module(student(batch.images), outputs, batch, Clock(epoch=0, epochs=recipe.epochs))
    promise(isinstance(loss, Tensor) and loss.shape == (), term, f"its loss must be a scalar, got {_told(loss)}")
    promise(bool(loss.isfinite()), term, f"its loss must be a finite number, got {loss.item()}")
    promise(loss.requires_grad, term, "its loss gives the student no gradient")
    with promised(term, "its gradient"):
        loss.backward()
    gradients = [parameter.grad for parameter in student.parameters() if parameter.grad is not None]
    promise(all(bool(gradient.isfinite().all()) for gradient in gradients), term, "its gradient is not finite")
    promise(any(bool(gradient.any()) for gradient in gradients), term, "its loss gives the student no gradient")


def _told(loss: object) -> str:
    return f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
