"""bfloat16: what terms see is float32, a run repeats and is near that in float32, and where it is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.models.staged import Outputs
from raykd.ops import precision
from raykd.ops.precision import check_precision, computing, in_full
from raykd.protocols.method import Term
from raykd.storage.artifacts import Store
from raykd.training.distiller import Distiller
from raykd.training.loop import distill
from raykd.training.run import Run
from test_contracts import TERMS, TWIN, smallest
from tiny import TinyData, assert_same_run, clock, composed, finish, network, recipe

CPU = torch.device("cpu")
# Autocast computes in bfloat16 on any CPU, only slowly where there are no instructions for it; so it is tried on all.


@pytest.fixture(autouse=True)
def _any_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_cpu_has_bfloat16", lambda: True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def test_a_cpu_without_instructions_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(precision, "_cpu_has_bfloat16", lambda: False)
    check_precision("bfloat16", torch.device("cuda"))
    check_precision("float32", CPU)
    with pytest.raises(ValueError, match=r"^precision: this CPU has no instructions for bfloat16 .*: float32$"):
        next(iter(distill(recipe(precision="bfloat16"), store=Store(tmp_path), device="cpu")))
    assert not list(tmp_path.iterdir())  # no teacher was trained before


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="unknown precision 'float16'; choices: float32, bfloat16"):
        recipe(precision="float16")


def test_networks_compute_in_bfloat16_and_say_float32():
    net = network()
    with computing("bfloat16", CPU):
        computed = net(torch.randn(2, 1, 8, 8))
    with computing("float32", CPU):
        assert net(torch.randn(2, 1, 8, 8)).logits.dtype == torch.float32
    assert computed.logits.dtype == torch.bfloat16
    said = in_full(computed)
    assert {tensor.dtype for tensor in (said.logits, *said.features, *said.before_relu)} == {torch.float32}


class Listener(Term):
    """Keeps what it is given, and whether autocast is on."""

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Any, clock: Any) -> torch.Tensor:
        self.seen, self.autocast = student, torch.is_autocast_enabled("cpu")
        return student.logits.sum()


def test_terms_see_float32_outside_of_autocast():
    term, data = Listener(), load(TinyData(), CPU)
    distiller = Distiller(network(), {"listener": term}, None, None, precision="bfloat16")
    batch = next(data.batches(0, 0, 8))
    distiller(batch, None, frozenset(), clock())
    assert not term.autocast
    assert term.seen.features[0].dtype == torch.float32
    exact = distiller.student.eval()(batch.images).features[0]
    assert not torch.equal(term.seen.features[0], exact)


@pytest.mark.parametrize("cls", TERMS, ids=lambda cls: cls.__name__)
def test_every_term_is_near_its_value_in_float32(cls: Any, store: Store):
    """Within 5 % of the loss of the first step: bfloat16 rounds each number by up to 0.4 %, layer after layer."""
    losses = []
    for chosen in ("float32", "bfloat16"):
        run = Run(
            recipe(teacher=TWIN, terms=(smallest(cls),), precision=chosen), store, World.alone(CPU), lambda line: None
        )
        run.advance(0)
        run.model.train()
        run.teacher.begin(0)
        batch = next(run.dataset.batches(0, 0, 8))
        found, _ = run.model(batch, run.teacher(batch, 0), frozenset(), run._clock(0))
        (loss,) = found.values()
        assert loss.dtype == torch.float32
        if loss.requires_grad:
            loss.backward()
        gradients = [parameter.grad for parameter in run.distiller.parameters() if parameter.grad is not None]
        assert gradients
        assert all(bool(gradient.isfinite().all()) for gradient in gradients)
        losses.append(loss.detach())
    torch.testing.assert_close(losses[1], losses[0], rtol=0.05, atol=1e-3)


def test_a_run_in_bfloat16_repeats_and_resumes(store: Store):
    spec = composed(precision="bfloat16")
    whole = finish(spec, store)
    assert_same_run(finish(spec, store), whole)
    states = [epoch.state() for epoch in distill(spec, store=store)]
    rest = finish(spec, store, states[1])
    assert rest.metrics == whole.metrics[2:]
    exact = finish(composed(), store)
    assert exact.metrics != whole.metrics
    losses = [torch.tensor(run.column("train/loss")) for run in (whole, exact)]
    torch.testing.assert_close(*losses, rtol=0.05, atol=1e-2)
