"""A start: made once, by one, for all; what it leaves alone; and that a started run repeats and resumes."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from raykd.distributed.world import World
from raykd.methods.ab import AB
from raykd.methods.common import warm_start
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.common.warm_start import trunk
from raykd.methods.fresh import Fresh
from raykd.methods.fsp import FSPStart
from raykd.methods.rco import EqualInterval
from raykd.models.cnn import CNN
from raykd.recipe import Recipe, build_network
from raykd.space.ranges import override
from raykd.storage.artifacts import Store
from raykd.training.checkpoints import checkpoints, load_checkpoint
from raykd.training.loop import distill, prepare
from raykd.training.run import Run
from tiny import (
    STUDENT,
    TEACHER,
    Finished,
    TinyNet,
    TinyRoute,
    assert_same_run,
    batch,
    composed,
    context,
    finish,
    network,
    recipe,
    same_weights,
    shapes,
)

CPU = World.alone(torch.device("cpu"))
SHORT = FirstStage(epochs=2, batch_size=8)
STARTS = [AB(first_stage=SHORT), FSPStart(first_stage=SHORT)]
TWIN = replace(TEACHER, model=CNN(widths=(4, 6), convolutions=2))  # of the student's widths

every_start = pytest.mark.parametrize("start", STARTS, ids=lambda start: type(start).__name__)


def started(start: Any = STARTS[0], **changes: Any) -> Recipe:
    return composed(**{"start": start, "teacher": TWIN} | changes)


def student_of(spec: Recipe, store: Store) -> dict[str, torch.Tensor]:
    """The student's weights before the first epoch."""
    run = Run(spec, store, CPU, lambda line: None)
    return {name: value.clone() for name, value in run.student_weights().items()}


def artefacts(store: Store) -> list[Path]:
    return sorted(store.root.glob("start/*"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Finished]:
    """A started run, undisturbed, and the store that holds its start."""
    store = Store(tmp_path_factory.mktemp("whole"))
    return store, finish(started(), store)


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_start, "minimise", lambda *arguments: pytest.fail("a first stage was trained again"))


# what a start does


def test_a_trunk_is_the_network_without_its_head():
    net, images = network(), batch().images
    outputs, found = net(images), trunk(net, images)
    for got, expected in zip(found.features + found.before_relu, outputs.features + outputs.before_relu, strict=True):
        assert torch.equal(got, expected)
    assert torch.equal(found.stem, net.stem(images))


def test_fresh_leaves_the_student_as_it_was_drawn(store: Store):
    drawn = build_network(STUDENT, 3, (1, 8, 8), "student", 0).network.state_dict()
    assert same_weights(student_of(recipe(start=Fresh()), store), drawn)
    assert not artefacts(store)


@every_start
def test_a_start_trains_all_but_the_head(start: Any, store: Store):
    fresh, begun = student_of(started(Fresh()), store), student_of(started(start), store)
    for name, value in begun.items():
        assert torch.equal(value, fresh[name]) == name.startswith("fc."), name
    assert begun["stages.0.norm1.num_batches_tracked"].item() == 2 * 3


@every_start
def test_a_start_brings_its_own_loss_down_and_keeps_a_record(start: Any, store: Store):
    student_of(started(replace(start, first_stage=FirstStage(epochs=12, batch_size=8))), store)
    (folder,) = artefacts(store)
    losses = json.loads((folder / "record.json").read_text())["loss"]
    assert len(losses) == 12 and losses[-1] < 0.9 * losses[0]


def test_a_start_changes_the_run(whole: tuple[Store, Finished]):
    store, run = whole
    assert finish(started(Fresh()), store).column("train/loss") != run.column("train/loss")


def test_it_says_what_it_does(store: Store):
    said: list[str] = []
    Run(started(), store, CPU, said.append)
    assert [line.rpartition(" ")[0] for line in said[-2:]] == [
        f"start with AB: epoch {epoch} of 2, loss" for epoch in (1, 2)
    ]


def test_it_learns_from_the_final_teacher_alone(store: Store):
    route: Any = TinyRoute(options={"widths": (4, 6)})
    known = shapes(network(0), route.network(1))
    for _ in range(2):
        STARTS[1].begin(network(0), TinyNet(), 0, known, context(store.root, route))
    assert route.asked == [1, 3]  # once for the shapes, once to train the first of two


# one artefact for all


def test_trials_of_one_student_and_seed_share_a_start(whole: tuple[Store, Finished], monkeypatch: pytest.MonkeyPatch):
    store, _ = whole
    first = student_of(started(), store)
    forbid(monkeypatch)
    slower = override(started().optimiser, {"lr": 0.01})
    for changes in ({"optimiser": slower}, {"epochs": 7}, {"terms": recipe().terms}, {"batch_size": 6}):
        assert same_weights(student_of(started(**changes), store), first)
    assert len(artefacts(store)) == 1


def test_the_route_does_not_count(whole: tuple[Store, Finished], monkeypatch: pytest.MonkeyPatch):
    """The first stage learns from the final teacher, whichever checkpoint the run begins with."""
    store, _ = whole
    forbid(monkeypatch)
    student_of(started(route=EqualInterval(count=4)), store)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"student": CNN(widths=(4, 6), norm="group")},
        {"start": replace(STARTS[0], margin=2.0)},
        {"start": AB(first_stage=replace(SHORT, epochs=1))},
        {"teacher": replace(TWIN, seed=1)},
    ],
    ids=["seed", "student", "margin", "epochs", "teacher"],
)
def test_another_start_student_seed_or_teacher_has_its_own(changes: dict[str, Any], store: Store):
    student_of(started(), store)
    student_of(started(**changes), store)
    assert len(artefacts(store)) == 2


def test_prepare_makes_it_ahead(store: Store, monkeypatch: pytest.MonkeyPatch):
    prepare(started(), store, CPU, lambda line: None)
    assert len(artefacts(store)) == 1
    forbid(monkeypatch)
    finish(started(), store)


def test_making_it_and_finding_it_give_the_same(whole: tuple[Store, Finished], store: Store):
    assert same_weights(student_of(started(), store), student_of(started(), whole[0]))


def test_it_depends_on_no_other_draws_and_leaves_no_trace(whole: tuple[Store, Finished], store: Store):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    made = student_of(started(), store)
    assert torch.equal(torch.get_rng_state(), before)
    assert same_weights(made, student_of(started(), whole[0]))


# repeating and resuming


def test_a_started_run_repeats_bit_for_bit(whole: tuple[Store, Finished], store: Store):
    assert_same_run(finish(started(), store), whole[1])


@pytest.mark.parametrize("stop", [1, 3])
def test_resuming_does_not_start_again_and_changes_nothing(
    stop: int, whole: tuple[Store, Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, run = whole
    forbid(monkeypatch)
    file = tmp_path / "checkpoint.pt"
    first = [epoch.metrics for epoch in itertools.islice(checkpoints(distill(started(), store=store), file), stop)]
    saved = load_checkpoint(file)
    assert saved is not None
    rest = finish(started(), store, saved["state"])
    assert_same_run(Finished(first + rest.metrics, rest.weights), run)
