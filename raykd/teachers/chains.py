"""Chains of distillations, whose students in between are artefacts: each is trained once, whoever asks for it.

* Teacher assistants (TAKD: Mirzadeh et al., AAAI 2020, arXiv 1902.03393): where a student is far smaller than its
  teacher, networks of sizes in between learn from it one after the other, and the last of them teaches the student.
* Born-again networks (BAN: Furlanello et al., ICML 2018, arXiv 1805.04770): a network of the teacher's own form
  learns from it from another initialisation, then the next one from that; at the end their predictions are averaged.
"""

import dataclasses
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.staged import Staged
from raykd.protocols.model import ModelSpec
from raykd.recipe import Recipe
from raykd.teachers.distilled import DistilledTeacher


def assistants(recipe: Recipe, models: Iterable[ModelSpec], every: int = 10) -> Recipe:
    """The recipe with teacher assistants between its teacher and its student.

    Each assistant is trained as the recipe says, by the teacher that stands before it.

    Args:
        models: the assistants' networks, the one that learns from the teacher itself first.
        every: a checkpoint of each assistant is kept after this many epochs, and after the last one.
    """
    taught = _with_teacher(recipe, "assistants")
    for model in models:
        assistant = DistilledTeacher(recipe=dataclasses.replace(taught, student=model), every=every)
        taught = dataclasses.replace(taught, teacher=assistant)
    return taught


def born_again(recipe: Recipe, generations: int, every: int = 10) -> Recipe:
    """The recipe of a generation of born-again networks, whose teacher is the generation before.

    The first generation learns from the recipe's own teacher, customarily a `Teacher` of the student's form. The
    k-th has the seed of the recipe plus k, so that none starts from the initial weights of another, nor of a teacher
    of the recipe's seed. As published, the terms are the labels' cross-entropy and KD at temperature 1.

    Args:
        generations: the number of the generation, from 1.
        every: a checkpoint of each generation is kept after this many epochs, and after the last one.
    """
    if generations < 1:
        raise InvalidError(f"generations must be at least 1, got {generations}")
    taught = dataclasses.replace(_with_teacher(recipe, "born_again"), seed=recipe.seed + 1)
    for _ in range(1, generations):
        teacher = DistilledTeacher(recipe=taught, every=every)
        taught = dataclasses.replace(taught, teacher=teacher, seed=taught.seed + 1)
    return taught


def ensemble(networks: Iterable[Staged]) -> Staged:
    """Networks as one, whose scores are the logarithms of the mean of their probabilities (the paper's BANE)."""
    return Staged(nn.ModuleDict({"mean": _Mean(list(networks))}), stem=(), stages=("mean",), head=())


class _Mean(nn.Module):
    def __init__(self, networks: list[Staged]):
        super().__init__()
        if not networks:
            raise InvalidError("an ensemble needs at least one network, got none")
        self.networks = nn.ModuleList(networks)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        scores = torch.stack([F.log_softmax(network(images).logits, dim=1) for network in self.networks])
        return scores.logsumexp(dim=0) - torch.tensor(len(self.networks), device=scores.device).log()


def _with_teacher(recipe: Recipe, what: str) -> Recipe:
    if recipe.teacher is None:
        raise InvalidError(f"{what} needs a recipe with a teacher, and the recipe has none")
    return recipe
