"""RCO in real runs: which anchor an epoch follows, what carries over, and what a restart starts anew."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from raykd.distributed.world import World
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher, Greedy
from raykd.models.cnn import CNN
from raykd.optim import SGD, Adam, Constant, Cosine
from raykd.protocols.epoch import AnchorRatio
from raykd.protocols.method import Ratio, Shapes
from raykd.protocols.teacher import teacher_route
from raykd.recipe import build_network
from raykd.storage.artifacts import Store
from raykd.training.anchors import Anchors, _Difficulty
from raykd.training.loop import distill
from tiny import TEACHER, TinyData, TinyNet, assert_same_run, composed, finish, recipe, same_weights, searching

LABELS = CrossEntropy(weight=0.1)
ALONE = World.alone(torch.device("cpu"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def student():
    return build_network(TinyNet(), 3, (1, 8, 8), "test")


# which anchor


@pytest.mark.parametrize(
    ("count", "epochs", "expected"),
    [
        (1, 4, [4, 4, 4, 4]),
        (2, 4, [2, 2, 4, 4]),
        (4, 4, [1, 2, 3, 4]),
        (3, 6, [1, 1, 2, 2, 4, 4]),  # checkpoints 4 * 1 // 3, 4 * 2 // 3 and 4
        (3, 4, [1, 2, 4, 4]),
    ],
)
def test_each_leg_follows_its_anchor(count: int, epochs: int, expected: list[int], store: Store):
    found = finish(recipe(route=EqualInterval(count=count), epochs=epochs), store)
    assert found.column("train/anchor") == expected


def test_the_teacher_has_the_weights_of_the_anchor(store: Store, student):
    route = teacher_route(TEACHER, TinyData(), store)
    anchors = Anchors(EqualInterval(count=4), route, 4, ALONE)
    teacher = anchors.teacher
    assert teacher is not None
    for epoch, checkpoint in enumerate((1, 2, 3, 4)):
        assert anchors.advance(epoch, student) == checkpoint
        assert anchors.teacher is teacher  # in place: swapped stages belong to the current anchor
        assert same_weights(teacher.network.state_dict(), route.weights(checkpoint))
        assert anchors.advance(epoch, student) is None
    assert not teacher.training
    assert anchors.teacher_epoch == 4.0


def test_the_loss_is_measured_against_the_anchor(store: Store):
    """With a learning rate of nearly 0 the student stands still: each epoch's KD is that of its anchor's outputs."""
    still = SGD(lr=1e-300, schedule=Constant())
    spec = recipe(terms=(KD(),), student=CNN(widths=(4, 6), norm="group"), optimiser=still, epochs=2)
    along = finish(replace(spec, route=EqualInterval(count=2)), store).column("train/kd")
    final = finish(spec, store).column("train/kd")
    assert along[1] == final[1]
    assert along[0] != final[0]


def test_weights_carry_over(store: Store):
    spec = recipe(route=EqualInterval(count=2), epochs=2)
    first, second = distill(spec, store=store), distill(replace(spec, route=EqualInterval(count=1)), store=store)
    along = next(first).student()
    next(second)
    state_two = next(first).student()
    # The second leg begins where the first one ended: one epoch with this rate moves weights by less than a new draw.
    moved = max((state_two[name] - along[name]).abs().max().item() for name in along if "weight" in name)
    fresh = build_network(spec.student, 3, (1, 8, 8), "student", spec.seed + 1).network.state_dict()
    redrawn = max((fresh[name] - along[name]).abs().max().item() for name in along if "weight" in name)
    assert 0 < moved < redrawn / 2


# degenerate routes are plain distillation


@dataclass(frozen=True, kw_only=True)
class FinalAgain:
    """The final teacher, chosen anew in every epoch."""

    restart: bool = False

    def check(self, shapes: Shapes, epochs: int) -> None:
        pass

    def starts(self, epochs: int) -> tuple[int, ...]:
        return tuple(range(epochs))

    def choose(self, visited: tuple[int, ...], num_checkpoints: int, ratio: Ratio) -> int:
        return num_checkpoints


@pytest.mark.parametrize("restart", [False, True])
def test_choosing_the_same_anchor_again_is_no_leg(restart: bool, store: Store):
    assert_same_run(
        finish(composed(route=FinalAgain(restart=restart)), store), finish(composed(route=FinalTeacher()), store)
    )


def test_equal_anchors_are_the_final_teacher(store: Store):
    """A teacher that stands still has equal checkpoints; the words of each are handed over without a change."""
    still = replace(TEACHER, model=CNN(widths=(6, 8), norm="group"), optimiser=SGD(lr=1e-300))
    route = teacher_route(still, TinyData(), store)
    assert same_weights(route.weights(1), route.weights(4))
    terms = (LABELS, KD(), Quest(words=8))
    along, final = (
        finish(recipe(teacher=still, terms=terms, route=route), store)
        for route in (EqualInterval(count=4), FinalTeacher())
    )
    assert along.column("train/anchor") == [1, 2, 3, 4]
    for name in ("train/loss", "train/kd", "train/quest", "val/accuracy"):
        assert along.column(name) == final.column(name)
    assert same_weights(along.weights, final.weights)


# a restart


def test_a_restart_begins_the_learning_rate_anew_within_the_same_epochs(store: Store):
    spec = recipe(epochs=4, optimiser=SGD(lr=0.1, schedule=Cosine()))
    # The last of 3 steps: a share (e + 2/3) / E of the schedule has passed.
    half = [0.05 * (1 + math.cos(math.pi * (epoch + 2 / 3) / 2)) for epoch in (0, 1)]
    whole = [0.05 * (1 + math.cos(math.pi * (epoch + 2 / 3) / 4)) for epoch in range(4)]
    restarted = finish(replace(spec, route=EqualInterval(count=2, restart=True)), store)
    assert restarted.column("train/learning_rate") == pytest.approx(half + half)
    continuous = finish(replace(spec, route=EqualInterval(count=2)), store)
    assert continuous.column("train/learning_rate") == pytest.approx(whole)


@pytest.mark.parametrize(("restart", "steps"), [(False, [3, 6, 9, 12]), (True, [3, 6, 3, 6])])
def test_a_restart_begins_the_optimiser_anew(restart: bool, steps: list[int], store: Store):
    spec = recipe(route=EqualInterval(count=2, restart=restart), optimiser=Adam())
    found = [int(epoch.state()["optimiser"]["state"][0]["step"]) for epoch in distill(spec, store=store)]
    assert found == steps


def test_a_restart_keeps_the_students_weights(store: Store):
    """Without momentum and with a constant rate there is nothing that a restart could change."""
    plain = SGD(lr=0.05, momentum=0.0, schedule=Constant())
    runs = [
        finish(recipe(route=EqualInterval(count=2, restart=restart), optimiser=plain), store)
        for restart in (False, True)
    ]
    assert_same_run(*runs)


# the greedy search


@pytest.mark.parametrize("delta", [0.0, 0.5, 100.0])
def test_a_greedy_run_rises_to_the_final_teacher(delta: float, store: Store):
    anchors = finish(recipe(route=Greedy(count=4, delta=delta), epochs=8), store).column("train/anchor")
    assert anchors == sorted(anchors)
    assert (anchors[0], anchors[-1]) == (1, 4)
    if delta == 100.0:
        assert anchors == [1, 1, 4, 4, 4, 4, 4, 4]


def test_a_greedy_restart_gives_the_final_teacher_all_epochs_that_are_left(store: Store):
    route = Greedy(count=4, delta=100.0, restart=True)
    spec = recipe(route=route, epochs=8, optimiser=SGD(lr=0.1, schedule=Cosine()))
    found = finish(spec, store).column("train/learning_rate")
    own = [0.05 * (1 + math.cos(math.pi * (epoch + 2 / 3) / 2)) for epoch in range(2)]
    rest = [0.05 * (1 + math.cos(math.pi * (epoch + 2 / 3) / 6)) for epoch in range(6)]
    assert found == pytest.approx(own + rest)


@pytest.mark.parametrize("restart", [False, True])
def test_a_greedy_run_resumes(restart: bool, store: Store, monkeypatch: pytest.MonkeyPatch):
    """From any epoch, and without measuring a ratio again that the state holds."""
    spec = searching(delta=0.0, restart=restart)
    epochs = [(epoch.state(), epoch) for epoch in distill(spec, store=store)]
    ratios = [epoch.ratios for _, epoch in epochs]
    assert [number for number, asked in enumerate(ratios, 1) if asked] == [3, 5]  # the last leg asks for nothing
    for number in range(1, 8):
        rest = list(distill(spec, epochs[number - 1][0], store=store))
        assert [epoch.metrics for epoch in rest] == [epoch.metrics for _, epoch in epochs[number:]]
        assert [epoch.ratios for epoch in rest] == ratios[number:]
        kept = [AnchorRatio(**ratio) for ratio in rest[-1].state()["anchors"]["ratios"]]
        assert kept == [ratio for asked in ratios for ratio in asked]
    monkeypatch.setattr(_Difficulty, "_measure", None)
    assert len(list(distill(spec, epochs[4][0], store=store))) == 3


@pytest.mark.parametrize(("delta", "visited"), [(0.0, {1, 2, 3, 4}), (0.2, {1, 2, 4}), (1.0, {1, 4})])
def test_every_ratio_that_decided_is_told(delta: float, visited: set[int], store: Store):
    """Of each leg that searches, of all later checkpoints; by the greedy rule they give the anchors of the run."""
    found = finish(searching(delta), store)
    anchors = [int(anchor) for anchor in found.column("train/anchor")[::2]]  # a checkpoint an epoch, a leg every two
    assert set(anchors) == visited
    legs = {ratio.leg for ratio in found.ratios}
    assert legs == {leg for leg in (2, 3) if anchors[leg - 2] < 4}
    for leg in legs:
        asked = [ratio for ratio in found.ratios if ratio.leg == leg]
        before, after = anchors[leg - 2 : leg]
        assert {(ratio.anchor, ratio.anchor_epoch) for ratio in asked} == {(before, before)}
        later = list(range(before + 1, 5))
        assert [ratio.candidate for ratio in asked] == [ratio.candidate_epoch for ratio in asked] == later
        reached = [ratio.candidate for ratio in asked if ratio.ratio <= 1 + delta]
        assert after == max(reached, default=before + 1)


def test_routes_that_do_not_search_tell_no_ratios(store: Store):
    for route in (EqualInterval(count=4), FinalTeacher(), FinalAgain()):
        assert finish(recipe(route=route), store).ratios == ()


@dataclass(frozen=True, kw_only=True)
class AsksTwice(FinalAgain):
    """The final teacher after the first, asking twice how hard it is."""

    def choose(self, visited: tuple[int, ...], num_checkpoints: int, ratio: Ratio) -> int:
        return num_checkpoints if visited and ratio(1, 2) == ratio(1, 2) else 1


def test_what_is_asked_twice_is_told_once(store: Store):
    found = finish(recipe(route=AsksTwice(), epochs=3), store)
    assert [(ratio.leg, ratio.anchor, ratio.candidate) for ratio in found.ratios] == [(2, 1, 2), (3, 1, 2)]


def test_the_shares_of_all_ranks_make_the_whole_ratio(store: Store, student, monkeypatch: pytest.MonkeyPatch):
    route = teacher_route(TEACHER, TinyData(), store)
    whole = _Difficulty(student, route, ALONE)._of(2)
    monkeypatch.setattr(World, "sum", lambda self, values: values)  # each rank's own
    worlds = [World(rank, 2, ALONE.device) for rank in range(2)]
    shares = [_Difficulty(student, route, world)._of(2) for world in worlds]
    assert sum(shares) == pytest.approx(whole)
    assert all(0 < share < whole for share in shares)


def test_the_ratio_is_the_papers(store: Store, student):
    """r_ij = sum KL(P_j || S) / sum KL(P_i || S) over the validation images, written out image by image."""
    route = teacher_route(TEACHER, TinyData(), store)
    dataset = route.dataset
    student.eval()
    images = dataset.normalise(dataset.validation.images)

    def difficulty(checkpoint: int) -> float:
        total = 0.0
        for image in images:
            teacher = F.softmax(route.network(checkpoint)(image[None]).logits[0].double(), dim=0)
            own = F.softmax(student(image[None]).logits[0].double(), dim=0)
            total += sum((p * (p / q).log()).item() for p, q in zip(teacher, own, strict=True))
        return total

    with torch.no_grad():
        assert _Difficulty(student, route, ALONE).ratio(1, 4) == pytest.approx(difficulty(4) / difficulty(1), rel=1e-4)


def test_asking_for_the_ratio_leaves_the_student_as_it_was(store: Store, student):
    route = teacher_route(TEACHER, TinyData(), store)
    student.train()
    modules: list[Any] = list(student.modules())
    modules[3].training = False
    modes = [module.training for module in modules]
    before = {name: value.clone() for name, value in student.state_dict().items()}
    assert _Difficulty(student, route, ALONE).ratio(2, 3) > 0
    assert [module.training for module in modules] == modes
    assert same_weights(student.state_dict(), before)


# without a teacher


def test_without_a_teacher_there_is_nothing_to_follow(student):
    anchors = Anchors(FinalTeacher(), None, 3, ALONE)
    assert [anchors.advance(epoch, student) for epoch in range(3)] == [None] * 3
    assert (anchors.teacher_epoch, anchors.schedule_start, anchors.schedule_end) == (0.0, 0, 3)
