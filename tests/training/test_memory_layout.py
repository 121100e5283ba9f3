"""A run in each layout: it repeats, resumes, does not depend on how views are made, and keeps plain tensors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from raykd.data.dataset import load
from raykd.methods.cross_entropy import CrossEntropy
from raykd.optim import SGD, Adam
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Term
from raykd.storage.artifacts import Store
from raykd.training.checkpoints import checkpoints, load_checkpoint
from raykd.training.distiller import build_distiller
from raykd.training.loop import distill
from tiny import TinyData, TinyRoute, assert_same_run, composed, finish, recipe

LAYOUTS = ("contiguous", "channels_last")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def tensors(state: Any) -> list[Tensor]:
    if isinstance(state, dict):
        return [tensor for value in state.values() for tensor in tensors(value)]
    return [state] if isinstance(state, Tensor) else []


@pytest.mark.parametrize("optimiser", [SGD(), Adam()])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_run_in_a_layout_resumes_from_its_file(layout: str, optimiser: Any, store: Store, tmp_path: Path):
    spec = composed(layout=layout, optimiser=optimiser)
    whole = finish(spec, store)
    for epoch in checkpoints(distill(spec, store=store), tmp_path / "state.pt"):
        if epoch.number == 2:
            break
    saved = load_checkpoint(tmp_path / "state.pt")
    assert saved is not None
    found = tensors(saved["state"])
    assert sum(tensor.ndim == 4 for tensor in found) > 4
    assert all(tensor.is_contiguous() for tensor in found)
    rest = finish(spec, store, saved["state"])
    assert_same_run(replace(whole, metrics=whole.metrics[2:], ratios=()), replace(rest, ratios=()))
    assert all(weight.is_contiguous() for weight in rest.weights.values())


def test_auto_is_the_layout_of_the_rule(store: Store):
    auto, contiguous, channels_last = (finish(recipe(layout=layout), store) for layout in ("auto", *LAYOUTS))
    assert_same_run(auto, channels_last)
    losses = [torch.tensor(run.column("train/loss")) for run in (contiguous, channels_last)]
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_student_and_teacher_are_laid_out(layout: str, tmp_path: Path):
    route: Any = TinyRoute(options={"widths": (6, 8), "strides": (1, 2)})
    context = BuildContext(data=TinyData(), dataset=load(TinyData(), torch.device("cpu")), store=Store(tmp_path))
    teacher = route.network(3)
    distiller = build_distiller(recipe(layout=layout), context, teacher)
    expected = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    for network in (distiller.student, teacher):
        assert all(map.is_contiguous(memory_format=expected) for map in network(torch.randn(2, 1, 8, 8)).features)


class Fragile(Term):
    """A user's term that cannot bear maps in channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(4, 4, 1, stride=2)

    def forward(self, student: Any, teacher: Any, batch: Any, clock: Any) -> Tensor:
        return self.convolution(student.features[0]).mean()


def test_a_term_that_cannot_bear_it_has_a_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(CrossEntropy, "build", lambda *_: Fragile())
    context = BuildContext(data=TinyData(), dataset=load(TinyData(), torch.device("cpu")), store=Store(tmp_path))
    spec = recipe(teacher=None, terms=(CrossEntropy(),))
    student = build_distiller(spec, context, None).student
    assert all(map.is_contiguous() for map in student(torch.randn(2, 1, 8, 8)).features)
    with pytest.raises(ValueError, match="the loss's cross_entropy"):
        build_distiller(replace(spec, layout="channels_last"), context, None)


def test_an_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="unknown layout 'nhwc'; choices: auto, contiguous, channels_last"):
        recipe(layout="nhwc")
