import math

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from raykd.ops.divergence import mean_divergence
from raykd.ops.maps import places
from raykd.ops.vectors import directions
from raykd.ops.words import LinearAssignment, assign_words, predict_words, quest_loss
from references import quest as reference
from tiny import assert_same_value_and_gradient, random

TEACHER, WORDS = random(2, 4, 3, 2, seed=3), random(5, 4, seed=4)
FEATURES, WEIGHT, SCALE = random(2, 3, 3, 2, grad=True), random(5, 3, seed=1, grad=True), random(seed=2, grad=True)


def quest(features, weight, scale, teacher=TEACHER, words=WORDS, temperature: float = 0.7, at_once=None) -> Tensor:
    """QUEST's loss as a step of the method computes it."""
    linear = LinearAssignment.of(words, temperature)
    rows = scale * directions(weight, 1e-12)
    moved = places(teacher) - linear.centre
    return mean_divergence(
        directions(places(features), 1e-12), rows, moved, linear.slopes, linear.offsets, at_once=at_once
    )


def by_definition(features, weight, scale, teacher=TEACHER, words=WORDS, temperature: float = 0.7) -> Tensor:
    return quest_loss(predict_words(features, weight, scale), assign_words(teacher, words, temperature))


@pytest.mark.parametrize("at_once", [1, 25, 10**6])  # one place, five of the 12 with a rest, all
def test_agrees_with_the_paper_in_chunks_of_any_size(at_once):
    def literally(features, weight, scale):
        scores = reference.predict_words(features, weight, scale)
        return reference.quest_loss(scores, reference.assign_words(TEACHER, WORDS, 0.7))

    inputs = [FEATURES, WEIGHT, SCALE]
    assert_same_value_and_gradient(lambda *values: quest(*values, at_once=at_once), literally, inputs)


def test_the_gradient_is_that_of_the_value():
    own, rows = random(7, 3, grad=True), random(5, 3, seed=1, grad=True)
    fixed = random(7, 4, seed=2), random(5, 4, seed=3), random(5, seed=4)
    assert torch.autograd.gradcheck(lambda own, rows: mean_divergence(own, rows, *fixed, at_once=10), (own, rows))


def test_single_precision_is_as_exact_as_the_definition():
    exact = quest(FEATURES, WEIGHT, SCALE)
    features, weight, scale = (tensor.detach().float().requires_grad_() for tensor in (FEATURES, WEIGHT, SCALE))
    teacher, words = TEACHER.float() + 100, WORDS.float() + 100  # as after a ReLU, far from 0
    found = quest(features, weight, scale, teacher, words, at_once=10)
    defined = by_definition(features, weight, scale, teacher, words)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found, defined, rtol=1e-4, atol=1e-5)
    gradients = (torch.autograd.grad(loss, [features, weight, scale]) for loss in (found, defined))
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_autocast_changes_nothing():
    own, rows = (random(40, 16, seed=seed).float().requires_grad_() for seed in (0, 1))
    fixed = random(40, 8, seed=2).float(), random(40, 8, seed=3).float(), random(40, seed=4).float()
    plain = mean_divergence(own, rows, *fixed)
    with torch.autocast("cpu", torch.bfloat16):
        under = mean_divergence(own, rows, *fixed)
    assert torch.equal(plain, under)
    for one, other in zip(*(torch.autograd.grad(loss, [own, rows]) for loss in (plain, under)), strict=True):
        assert torch.equal(one, other)


def test_half_precision_is_raised_first():
    own, rows = (random(6, 3, seed=seed).bfloat16().requires_grad_() for seed in (0, 1))
    loss = mean_divergence(own, rows, random(6, 3).bfloat16(), random(6, 3).float(), random(6).float())
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(tensor.grad.dtype == torch.bfloat16 and tensor.grad.any() for tensor in (own, rows))


@pytest.mark.parametrize("temperature", [1e-6, 1e6])
def test_hard_and_uniform_assignments_stay_finite(temperature):
    scale = torch.tensor(50.0)
    loss = quest(FEATURES, WEIGHT, scale, temperature=temperature)
    torch.testing.assert_close(loss, by_definition(FEATURES, WEIGHT, scale, temperature=temperature))
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(loss, [FEATURES, WEIGHT]))


def test_a_dead_place_has_no_gradient():
    features = FEATURES.detach().clone()
    features[0, :, 1, 1] = 0.0
    features.requires_grad_()
    quest(features, WEIGHT, SCALE).backward()
    assert not features.grad[0, :, 1, 1].any()
    assert features.grad.isfinite().all()


def test_no_tensor_is_larger_than_four_chunks_of_scores():
    class Largest(TorchDispatchMode):
        found = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            self.found = max(self.found, result.numel() if isinstance(result, Tensor) else 0)
            return result

    own, rows = random(60, 3, grad=True), random(50, 3, seed=1, grad=True)
    fixed = random(60, 4, seed=2), random(50, 4, seed=3), random(50, seed=4)
    with Largest() as chunked:
        mean_divergence(own, rows, *fixed, at_once=500).backward()
    with Largest() as whole:
        mean_divergence(own, rows, *fixed).backward()
    assert (chunked.found, whole.found) == (4 * 500, 4 * math.prod((60, 50)))


def test_the_gradient_of_a_gradient_is_refused():
    loss = quest(FEATURES, WEIGHT, SCALE)
    with pytest.raises(RuntimeError, match="mean_divergence has no second gradient"):
        torch.autograd.grad(loss, [FEATURES], create_graph=True)
