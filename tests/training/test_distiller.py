"""The student and all that is trained with it: what is in the module, what stays out, and how it is drawn."""

from pathlib import Path
from typing import Any

import pytest
import torch

from raykd.data.dataset import load
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.kd import KD
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Term
from raykd.recipe import build_network
from raykd.storage.artifacts import Store
from raykd.training.distiller import Distiller, build_distiller
from tiny import STUDENT, TEACHER, TinyData, TinyRoute, composed, recipe, same_weights

CPU = torch.device("cpu")


@pytest.fixture
def context(tmp_path: Path) -> BuildContext:
    route: Any = TinyRoute(options={"widths": (6, 8), "strides": (1, 2)})
    return BuildContext(data=TinyData(), dataset=load(TinyData(), CPU), store=Store(tmp_path), teacher=route)


def built(spec: Any, context: BuildContext) -> Distiller:
    assert context.teacher is not None
    return build_distiller(spec, context, context.teacher.network(3))


def test_every_term_gives_its_own_number(context: BuildContext):
    distiller = built(composed(), context)
    distiller.follow(1)
    batch = next(context.dataset.batches(0, 0, 8))
    assert context.teacher is not None
    teacher = context.teacher.network(1)(batch.images)
    for swapped in (frozenset(), frozenset({0}), frozenset({0, 1})):
        losses, _ = distiller(batch, teacher, swapped, Clock(epoch=0, epochs=4))
        assert list(losses) == ["cross_entropy", "kd", "quest", "infoflow"]
        assert all(torch.isfinite(loss) and loss.shape == () for loss in losses.values())


def test_the_teacher_stays_out_of_the_module(context: BuildContext):
    assert context.teacher is not None
    teacher = context.teacher.network(3)
    distiller = build_distiller(composed(), context, teacher)
    assert not {id(value) for value in teacher.parameters()} & {id(value) for value in distiller.parameters()}
    distiller.train()
    assert not any(module.training for module in teacher.modules())


def test_the_student_is_drawn_from_the_seed_alone(context: BuildContext):
    expected = build_network(STUDENT, 3, (1, 8, 8), "student", 0).state_dict()
    for spec in (composed(), recipe(), composed(swap=NoSwap()), recipe(terms=(CrossEntropy(),))):
        assert same_weights(built(spec, context).student.state_dict(), expected)
    assert not list(context.store.root.glob("start/*"))
    assert not same_weights(built(recipe(seed=1), context).student.state_dict(), expected)


def test_converters_are_there_only_for_swaps(context: BuildContext):
    assert built(composed(swap=NoSwap()), context).converters is None
    assert built(composed(), context).converters is not None
    swapped = built(recipe(swap=IAKD()), context)
    assert {name.split(".")[0] for name, _ in swapped.named_parameters()} == {"student", "converters"}


def test_a_term_of_weight_zero_is_not_built(context: BuildContext):
    distiller = built(recipe(terms=(CrossEntropy(), KD(weight=0.0))), context)
    assert list(distiller.terms) == ["cross_entropy"]


def test_building_draws_nothing_from_the_process(context: BuildContext):
    before = torch.get_rng_state()
    built(composed(), context)
    assert torch.equal(torch.get_rng_state(), before)


class Follower(Term):
    def __init__(self) -> None:
        super().__init__()
        self.followed: list[int] = []

    def follow(self, checkpoint: int) -> None:
        self.followed.append(checkpoint)

    def forward(self, student: Any, teacher: Any, batch: Any, clock: Any) -> Any:
        return student.logits.sum()


def test_every_term_hears_of_a_new_anchor():
    terms = {"one": Follower(), "other": Follower()}
    distiller = Distiller(build_network(TEACHER.model, 3, (1, 8, 8)), terms, None, None)
    for checkpoint in (2, 4):
        distiller.follow(checkpoint)
    assert [term.followed for term in terms.values()] == [[2, 4], [2, 4]]
