"""After swaps the student is evaluated, and handed out, with statistics of its own; training knows nothing of it."""

from pathlib import Path

import pytest
import torch
from torch import nn

import raykd.training.run
from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.rco import FinalTeacher
from raykd.models.staged import Staged
from raykd.storage.artifacts import Store
from raykd.training.loop import distill
from raykd.training.run import Run
from raykd.training.statistics import retake_statistics
from tiny import Finished, TinyData, composed, dataset, finish, network, recipe, same_weights

CPU = torch.device("cpu")
UNIFORM = IAKD(schedule="uniform", start=0.3, solo=0.0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def layers(student: Staged) -> list[nn.BatchNorm2d]:
    return [module for module in student.modules() if isinstance(module, nn.BatchNorm2d)]


def only_parameters(run: Finished) -> dict[str, torch.Tensor]:
    return {name: value for name, value in run.weights.items() if "running" not in name}


def test_the_statistics_are_the_means_over_the_batches():
    """Of the first convolution's maps, with the variance of N - 1 numbers, as PyTorch keeps it."""
    data, student = dataset(), network()
    retake_statistics(student, data, epoch=3, seed=5, batch_size=8)
    with torch.no_grad():
        maps = [
            student.network["stage1"][0](student.stem(batch.images)).transpose(0, 1).flatten(1)
            for batch in data.batches(3, 5, 8)
        ]
    first = layers(student)[0]
    torch.testing.assert_close(first.running_mean, torch.stack([one.mean(dim=1) for one in maps]).mean(dim=0))
    torch.testing.assert_close(first.running_var, torch.stack([one.var(dim=1) for one in maps]).mean(dim=0))


def test_nothing_but_the_statistics_changes():
    data, student = dataset(), network()
    student.train()
    student(next(data.batches(0, 0, 8)).images)
    layers(student)[1].running_mean.fill_(float("inf"))  # what a teacher's stage may have led to
    before = {name: value.clone() for name, value in student.state_dict().items()}
    layers(student)[1].eval()
    modes, momenta = [module.training for module in student.modules()], [layer.momentum for layer in layers(student)]
    draws = torch.get_rng_state()
    retake_statistics(student, data, epoch=0, seed=0, batch_size=8)
    after = student.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "running" in name}
    assert all(value.isfinite().all() for value in after.values())
    assert [module.training for module in student.modules()] == modes
    assert [layer.momentum for layer in layers(student)] == momenta
    assert torch.equal(torch.get_rng_state(), draws)


def test_training_is_the_same_with_and_without(store: Store, monkeypatch: pytest.MonkeyPatch):
    spec = composed(swap=UNIFORM, route=FinalTeacher())
    taken = finish(spec, store)
    monkeypatch.setattr(raykd.training.run, "retake_statistics", lambda *arguments: None)
    mixed = finish(spec, store)
    assert mixed.column("train/loss") == taken.column("train/loss")
    assert same_weights(only_parameters(mixed), only_parameters(taken))
    assert not same_weights(mixed.weights, taken.weights)


def test_the_student_is_handed_out_as_it_was_evaluated(store: Store):
    data = load(TinyData(), CPU)
    for epoch in distill(recipe(swap=UNIFORM, terms=(CrossEntropy(),)), store=store):
        run = Run(recipe(), store, World.alone(CPU), lambda line: None)
        run.distiller.student.network.load_state_dict(epoch.student())
        assert run.validate()[0] == epoch.metrics["val/accuracy"]
        retake_statistics(run.distiller.student, data, epoch.number - 1, 0, 8)
        assert same_weights(run.student_weights(), epoch.student())


@pytest.mark.parametrize(
    ("swap", "taken"), [(NoSwap(), []), (IAKD(start=1.0), []), (IAKD(schedule="uniform", start=0.0, solo=0.5), [0, 1])]
)
def test_they_are_taken_only_after_an_epoch_that_swapped(
    swap: IAKD | NoSwap, taken: list[int], store: Store, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    monkeypatch.setattr(
        raykd.training.run, "retake_statistics", lambda student, data, epoch, *rest: asked.append(epoch)
    )
    finish(recipe(swap=swap), store)
    assert asked == taken


def test_another_share_of_the_images_is_not_asked_for(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of several ranks the first one takes them, over whole batches, and hands them out."""
    monkeypatch.setattr(World, "share_buffers", lambda self, module: None)
    monkeypatch.setattr(World, "sum", lambda self, values: values)
    students = []
    for rank in (0, 1):
        run = Run(recipe(swap=UNIFORM), store, World.alone(CPU), lambda line: None)
        run._mixed_in, run.world = 0, World(rank, 2, CPU)
        fresh = {name: value.clone() for name, value in run.distiller.student.state_dict().items()}
        run.validate()
        students.append(same_weights(fresh, run.distiller.student.state_dict()))
    assert students == [False, True]
