"""The loop: it repeats and resumes bit for bit, degenerate settings are the baseline, the teacher stays."""

import itertools
import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from raykd.data.digits import Digits
from raykd.distributed.world import World
from raykd.methods.attention import Attention
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher, Greedy
from raykd.models.cnn import CNN
from raykd.optim import SGD, Adam, Cosine
from raykd.protocols.method import Clock, Shapes
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.training.checkpoints import checkpoints, load_checkpoint
from raykd.training.loop import distill, prepare
from raykd.training.run import Run
from tiny import (
    NUM_CLASSES,
    STUDENT,
    TEACHER,
    Finished,
    TinyData,
    assert_same_run,
    composed,
    finish,
    recipe,
    same_weights,
)

CPU = torch.device("cpu")
LABELS = CrossEntropy(weight=0.1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def whole(store: Store) -> Finished:
    """The composed run, undisturbed."""
    return finish(composed(), store)


def test_what_is_made_before_the_first_epoch_is_said_to_the_logger(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "raykd"):
        next(distill(recipe(), store=Store(tmp_path), device="cpu"))
    assert [record.name for record in caplog.records] == ["raykd.training.loop"] * TEACHER.epochs
    assert caplog.messages[0].startswith(f"teacher: epoch 1 of {TEACHER.epochs}, validation accuracy 0.")


def live(recipe: Recipe, store: Store) -> Run:
    """A run before its first epoch."""
    return Run(recipe, store, World.alone(CPU), lambda line: None)


# what an epoch says


def test_an_epoch_carries_every_term_and_where_the_run_stands(whole: Finished):
    terms = {"train/cross_entropy", "train/kd", "train/quest", "train/infoflow"}
    facts = {"train/loss", "train/learning_rate", "train/keep", "train/anchor", "val/accuracy"}
    facts |= {"train/accuracy", "val/loss"}
    assert all(metrics.keys() == terms | facts for metrics in whole.metrics)
    assert all(math.isfinite(value) for metrics in whole.metrics for value in metrics.values())
    assert whole.column("train/anchor") == [2, 2, 4, 4]
    assert whole.column("train/keep") == pytest.approx([0.8, 0.8 + 0.2 / 1.5, 1.0, 1.0])
    # The drops come after round(0.625 * 4), 0.75 * 4 and round(0.875 * 4) of the 4 epochs.
    assert whole.column("train/learning_rate") == pytest.approx([0.05, 0.05, 0.005, 0.0005])


def test_the_loss_is_the_sum_of_weight_times_term(whole: Finished):
    for metrics in whole.metrics:
        terms = {"cross_entropy": 0.1, "kd": 0.9, "quest": 1.0, "infoflow": 100.0}
        total = sum(weight * metrics[f"train/{name}"] for name, weight in terms.items())
        assert metrics["train/loss"] == pytest.approx(total, rel=1e-5)


def test_the_training_accuracy_counts_what_the_steps_have_scored(store: Store):
    """Of an epoch of a single step, it is that of the weights before the step on the views of the step."""
    spec = recipe(batch_size=24, epochs=1)
    run = live(spec, store)
    (batch,) = run.dataset.batches(0, spec.seed, 24)
    with torch.no_grad():
        expected = (run.distiller.student.train()(batch.images).logits.argmax(dim=1) == batch.targets).float().mean()
    (epoch,) = distill(spec, store=store)
    assert epoch.metrics["train/accuracy"] == pytest.approx(expected.item())
    assert 0.0 < expected < 1.0


def test_the_validation_loss_is_the_cross_entropy_with_the_labels(store: Store):
    (epoch,) = distill(recipe(epochs=1), store=store)
    run = live(recipe(), store)
    run.distiller.student.network.load_state_dict(epoch.student())
    data = run.dataset
    logits = run.distiller.student.eval()(data.normalise(data.validation.images)).logits
    expected = -logits.log_softmax(dim=1)[range(len(logits)), data.validation.labels].mean()
    assert epoch.metrics["val/loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_numbers_and_seconds(store: Store):
    epochs = list(distill(recipe(epochs=2), store=store))
    assert [(epoch.number, epoch.epochs, epoch.diverged) for epoch in epochs] == [(1, 2, False), (2, 2, False)]
    assert all(epoch.seconds > 0 for epoch in epochs)


def test_accuracy_is_that_of_the_weights_handed_out(store: Store):
    spec = recipe(epochs=2)
    for epoch in distill(spec, store=store):
        network = STUDENT.build(NUM_CLASSES, (1, 8, 8))
        network.network.load_state_dict(epoch.student())
        run = live(spec, store)
        run.distiller.student.network.load_state_dict(epoch.student())
        assert (epoch.metrics["val/accuracy"], epoch.metrics["val/loss"]) == run.validate()


def test_learns(store: Store):
    """Ten classes of real images: chance is 0.1."""
    spec = Recipe(data=Digits(), student=CNN(widths=(16, 32)), epochs=8, batch_size=32)
    accuracy = finish(spec, store).column("val/accuracy")
    assert accuracy[-1] > 0.5


# repeating and resuming


def test_a_run_repeats_bit_for_bit(whole: Finished, store: Store):
    torch.manual_seed(123)  # whatever the process has drawn before
    assert_same_run(finish(composed(), store), whole)


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_resuming_changes_nothing(stop: int, whole: Finished, store: Store, tmp_path: Path):
    file, epochs = tmp_path / "checkpoint.pt", distill(composed(), store=store)
    first = [epoch.metrics for epoch in itertools.islice(checkpoints(epochs, file), stop)]
    saved = load_checkpoint(file)
    assert saved is not None and saved["number"] == stop
    rest = finish(composed(), store, saved["state"])
    assert_same_run(Finished(first + rest.metrics, rest.weights), whole)


@pytest.mark.parametrize(
    "changes",
    [
        {"route": EqualInterval(count=2, restart=True), "optimiser": Adam(schedule=Cosine())},
        {"route": Greedy(count=3, delta=0.2), "optimiser": SGD(nesterov=True, schedule=Cosine(warm_up=0.3))},
        {"swap": IAKD(schedule="review", swap_head=True), "route": FinalTeacher()},
    ],
    ids=["restart", "greedy", "review"],
)
def test_other_settings_resume_from_every_epoch(changes: dict[str, Any], store: Store):
    spec = composed(**changes)
    states: list[dict[str, Any]] = []
    metrics: list[dict[str, float]] = []
    weights: dict[str, Tensor] = {}
    for epoch in distill(spec, store=store):
        states.append(epoch.state())
        metrics.append(epoch.metrics)
        weights = epoch.student()
    for number, state in enumerate(states[:-1], 1):
        rest = finish(spec, store, state)
        assert_same_run(Finished(metrics[:number] + rest.metrics, rest.weights), Finished(metrics, weights))


def test_a_state_and_weights_handed_out_stay_as_they_were(store: Store):
    epochs = distill(recipe(epochs=2), store=store)
    first = next(epochs)
    state, weights = first.state(), first.student()
    kept = {name: value.clone() for name, value in weights.items()}
    rest = list(epochs)
    assert same_weights(weights, kept)
    assert finish(recipe(epochs=2), store, state).metrics == [rest[-1].metrics]


def test_a_look_before_each_step_and_each_validation_changes_nothing(whole: Finished, store: Store):
    looks = []
    epochs = distill(composed(), store=store, look=lambda: looks.append(None))
    counts = [(epoch.metrics, len(looks)) for epoch in epochs]
    assert [metrics for metrics, _ in counts] == whole.metrics
    assert [count for _, count in counts] == [4, 8, 12, 16]  # an epoch has 3 steps


@pytest.mark.parametrize("at", [5, 6, 8])
def test_what_a_look_raises_leaves_an_epoch_where_it_stands(at: int, whole: Finished, store: Store):
    """In the second epoch: before its first step, in its middle, and before its validation."""
    looks = itertools.count(1)

    def look() -> None:
        if next(looks) == at:
            raise ZeroDivisionError

    before = torch.get_rng_state()
    epochs = distill(composed(), store=store, look=look)
    assert next(epochs).metrics == whole.metrics[0]
    with pytest.raises(ZeroDivisionError):
        next(epochs)
    assert list(epochs) == []
    assert torch.equal(torch.get_rng_state(), before)
    assert_same_run(finish(composed(), store), whole)


def test_a_finished_run_has_nothing_left(store: Store):
    (epoch,) = distill(recipe(epochs=1), store=store)
    assert list(distill(recipe(epochs=1), epoch.state(), store=store)) == []


@pytest.mark.parametrize("changes", [{"seed": 1}, {"epochs": 5}, {"batch_size": 6}, {"student": CNN(widths=(5, 6))}])
def test_what_the_recipe_says_decides_the_run(changes: dict[str, Any], whole: Finished, store: Store):
    assert finish(composed(**changes), store).column("train/loss")[:4] != whole.column("train/loss")


def test_the_process_draws_what_it_would_have_drawn(store: Store):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    for _ in distill(composed(epochs=2, route=Greedy(count=2)), store=store):
        assert torch.equal(torch.get_rng_state(), before)


def test_what_is_drawn_between_epochs_does_not_matter(whole: Finished, store: Store):
    metrics = []
    for epoch in distill(composed(), store=store):
        metrics.append(epoch.metrics)
        torch.manual_seed(epoch.number)
    assert metrics == whole.metrics


# degenerate settings are the baseline


@pytest.mark.parametrize(
    "term", [Quest(weight=0.0, words=8), InfoFlow(weight=0.0), KD(weight=0.0)], ids=lambda t: t.name
)
def test_weight_zero_is_the_run_without_the_term(term: Any, store: Store):
    others = [other for other in composed().terms if other.name != term.name]
    assert_same_run(finish(composed(terms=(*others, term)), store), finish(composed(terms=tuple(others)), store))


def test_the_order_of_terms_changes_no_initial_weights(store: Store):
    """Each term is initialised from its own name: a term more or less leaves the others as they were."""
    both = live(composed(), store).distiller.state_dict()
    alone = live(composed(terms=(LABELS, Quest(words=8))), store).distiller.state_dict()
    assert alone.keys() <= both.keys()
    assert all(torch.equal(alone[name], both[name]) for name in alone)


@pytest.mark.parametrize("teacher", [TEACHER, replace(TEACHER, model=STUDENT)], ids=["converters", "equal widths"])
def test_keep_probability_one_is_no_swap(teacher: Any, store: Store):
    always = IAKD(schedule="uniform", start=1.0)
    assert_same_run(
        finish(composed(teacher=teacher, swap=always), store), finish(composed(teacher=teacher, swap=NoSwap()), store)
    )


def test_swapping_does_something(whole: Finished, store: Store):
    assert finish(composed(swap=NoSwap()), store).column("train/loss") != whole.column("train/loss")


def test_review_follows_the_drops_of_a_restarted_leg(store: Store):
    """Of 12 epochs with 2 anchors: each leg of 6 drops after its round(3.75), round(4.5) and round(5.25) epochs."""
    found = finish(recipe(route=EqualInterval(count=2, restart=True), swap=IAKD(start=0.4, solo=0.0), epochs=12), store)
    rates = [0.05] * 4 + [0.0005, 0.00005]
    assert found.column("train/learning_rate") == pytest.approx(rates * 2)
    leg = [0.4, 0.6, 0.8, 1.0, 1.0, 1.0]  # phases of 4, 1 (the two drops after 4 epochs are one) and 1
    assert found.column("train/keep") == pytest.approx(leg * 2)


def test_where_all_that_is_compared_is_the_teachers_own_nothing_is_learnt(store: Store):
    """Of networks of equal widths, with terms of features alone: the loss is a constant, which has no gradient."""
    swap = IAKD(schedule="uniform", start=0.0, solo=0.0)
    run = live(recipe(teacher=replace(TEACHER, model=STUDENT), terms=(Attention(),), swap=swap), store)
    before = {name: value.clone() for name, value in run.distiller.named_parameters()}
    run.advance(0)
    assert run.train(0)["train/attention"] == pytest.approx(0.0, abs=1e-12)
    assert same_weights(dict(run.distiller.named_parameters()), before)


@pytest.mark.parametrize("restart", [False, True])
def test_one_anchor_is_the_final_teacher(restart: bool, store: Store):
    one = EqualInterval(count=1, restart=restart)
    assert_same_run(finish(recipe(route=one), store), finish(recipe(route=FinalTeacher()), store))


def test_the_student_alone_reads_nothing_of_the_teacher(store: Store):
    assert_same_run(finish(composed().alone(), store), finish(recipe(terms=(CrossEntropy(),), teacher=None), store))


# the teacher, and what is exported


def test_teacher_parameters_and_buffers_stay(store: Store):
    run = live(composed(route=FinalTeacher(), swap=IAKD(schedule="uniform", start=0.3, solo=0.0)), store)
    teacher = run.anchors.teacher
    assert teacher is not None
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    assert any("running_mean" in name for name in before)
    for epoch in range(2):
        run.advance(epoch)
        run.train(epoch)
        assert not any(module.training for module in teacher.modules())
    assert same_weights(teacher.state_dict(), before)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_the_teacher_is_in_neither_the_state_nor_the_optimiser(store: Store):
    run = live(composed(), store)
    ours = {id(parameter) for group in run.optimiser.param_groups for parameter in group["params"]}
    assert run.anchors.teacher is not None
    assert not ours & {id(parameter) for parameter in run.anchors.teacher.parameters()}
    assert {name.split(".")[0] for name in run.distiller.state_dict()} == {"student", "terms", "converters"}


def test_the_student_that_comes_out_is_the_plain_network(whole: Finished):
    plain = STUDENT.build(NUM_CLASSES, (1, 8, 8)).network
    assert list(whole.weights) == list(plain.state_dict())
    plain.load_state_dict(whole.weights)
    # 3 x 3 convolutions of 1 -> 4 -> 6 channels, two numbers a channel of normalisation, the linear layer of 6 -> 3
    assert sum(parameter.numel() for parameter in plain.parameters()) == 9 * 4 + 8 + 9 * 24 + 12 + 6 * 3 + 3


# runs that cannot go on


def test_a_diverging_run_ends_with_the_worst_accuracy(store: Store):
    epochs = list(distill(recipe(optimiser=SGD(lr=1e38)), store=store))
    last = epochs[-1]
    assert last.diverged and not any(epoch.diverged for epoch in epochs[:-1])
    assert last.number < last.epochs
    assert last.metrics["val/accuracy"] == 0.0
    assert not math.isfinite(last.metrics["train/loss"])


def test_a_run_whose_last_update_leaves_no_finite_scores_has_diverged(store: Store):
    """The only step of the epoch has a finite loss; what it makes of the student has none."""
    (epoch,) = distill(recipe(optimiser=SGD(lr=1e38), batch_size=24), store=store)
    assert math.isfinite(epoch.metrics["train/loss"])
    assert epoch.diverged and epoch.metrics["val/accuracy"] == 0.0
    assert math.isnan(epoch.metrics["val/loss"])


def test_a_recipe_that_cannot_work_is_refused_before_the_teacher_is_trained(tmp_path: Path):
    with pytest.raises(ValueError, match="route/count: 5 anchors"):
        next(distill(recipe(route=EqualInterval(count=5), epochs=8), store=Store(tmp_path)))
    assert list(tmp_path.iterdir()) == []


# preparing


def test_after_preparing_a_run_makes_no_artefact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = Store(tmp_path)
    spec = composed(route=FinalTeacher())
    prepare(spec, store, World.alone(CPU), lambda line: None)
    monkeypatch.setattr(Store, "_make", lambda *arguments: pytest.fail("made an artefact"))
    finish(spec, store)


# the device is not waited for


@dataclass(frozen=True, kw_only=True)
class SwapFirst:
    """The teacher's first stage in every step; choosing it takes no tensor."""

    swap_head: bool = False

    def check(self, shapes: Shapes) -> None:
        pass

    def choose(self, num_stages: int, clock: Clock) -> frozenset[int]:
        return frozenset({0})

    def keep(self, clock: Clock) -> float:
        return 0.5


class Readings(TorchDispatchMode):
    """Counts the numbers that are read back from tensors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        super().__init__()
        self.count = 0
        for name in ("tolist", "numpy", "cpu", "__array__"):
            original = getattr(Tensor, name)
            monkeypatch.setattr(Tensor, name, self._counted(original))

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.overloadpacket in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero)
        return func(*args, **(kwargs or {}))

    def _counted(self, original: Any) -> Any:
        def read(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            return original(*arguments, **options)

        return read


def test_readings_are_noticed(monkeypatch: pytest.MonkeyPatch):
    values = torch.ones(2)
    with Readings(monkeypatch) as readings:
        for read in (
            lambda: values.tolist(),
            lambda: values[0].item(),
            lambda: float(values[0]),
            lambda: bool(values[0]),
        ):
            before = readings.count
            read()
            assert readings.count == before + 1


@pytest.mark.parametrize("num_images", [24, 48])
def test_numbers_are_read_once_an_epoch(num_images: int, store: Store, monkeypatch: pytest.MonkeyPatch):
    """Seen on the CPU: `item`, `tolist`, branches on values and the like. Copies to a GPU are not seen here.

    Where the teacher's outputs are kept, which views an epoch shows is read too, of a tensor that is always on the CPU.
    """
    spec = replace(composed(swap=SwapFirst()), data=TinyData(num_images=num_images))
    for expected in (None, 2):  # the first run asks the teacher, and writes down what it says
        run = live(spec, store)
        run.advance(0)
        with Readings(monkeypatch) as readings:
            run.train(0)
        assert expected is None or readings.count == expected
    run = live(spec, Store(store.root, room=0))
    run.advance(0)
    with Readings(monkeypatch) as readings:
        run.train(0)
    assert readings.count == 1


def test_every_step_is_trained(store: Store, monkeypatch: pytest.MonkeyPatch):
    run = live(recipe(batch_size=5), store)  # 24 images: 4 batches of 5, the short one dropped
    run.advance(0)
    steps: list[int] = []
    run.model = _Counting(run.distiller, steps)
    run.train(0)
    assert steps == [5, 5, 5, 5]


class _Counting(torch.nn.Module):
    def __init__(self, distiller: torch.nn.Module, steps: list[int]):
        super().__init__()
        self.distiller, self.steps = distiller, steps

    def forward(self, batch: Any, *rest: Any) -> Any:
        self.steps.append(len(batch.targets))
        return self.distiller(batch, *rest)
