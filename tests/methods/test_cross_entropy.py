"""The labels' cross-entropy, in the precision that it is given."""

import torch
from torch.autograd import gradcheck

from raykd.data.dataset import Batch
from raykd.methods.cross_entropy import CrossEntropy
from raykd.models.staged import Outputs
from tiny import clock, context, network, random, shapes


def test_finite_differences_find_its_gradient(tmp_path):
    """Which double precision alone leaves digits for."""
    term = CrossEntropy().build(shapes(network(), network()), context(tmp_path))
    batch = Batch(torch.zeros(4, 1, 8, 8), torch.tensor([0, 2, 1, 1]), torch.arange(4))
    loss = gradcheck(lambda logits: term(Outputs(logits, ()), None, batch, clock()), random(4, 3, grad=True))
    assert loss


def test_half_precision_is_computed_in_single(tmp_path):
    term = CrossEntropy().build(shapes(network(), network()), context(tmp_path))
    batch = Batch(torch.zeros(4, 1, 8, 8), torch.tensor([0, 2, 1, 1]), torch.arange(4))
    logits = random(4, 3).bfloat16()
    found = term(Outputs(logits, ()), None, batch, clock())
    assert torch.equal(found, term(Outputs(logits.float(), ()), None, batch, clock()))
