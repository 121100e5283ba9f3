import math

import pytest
import torch

from raykd.methods.vid import VID, vid_loss
from raykd.space.ranges import space
from references import vid as reference
from terms import build, loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, batch, clock, random, shapes


def test_golden():
    # a difference of 2 with variance 4: (4 / 4 + log 4) / 2
    mean, teacher = torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), 2.0)
    assert vid_loss(mean, teacher, torch.tensor([4.0])).item() == pytest.approx(0.5 + math.log(2.0))


def test_agrees_with_the_density_of_a_normal_distribution():
    teacher = random(2, 3, 2, 2, seed=1)
    assert_same_value_and_gradient(
        lambda mean, variance: vid_loss(mean, teacher, variance),
        lambda mean, variance: reference.vid_loss(mean, teacher, variance),
        [random(2, 3, 2, 2, grad=True), (0.5 + random(3, seed=2).abs()).requires_grad_()],
    )


def test_the_best_variance_is_the_mean_squared_difference():
    mean, teacher = random(4, 1, 3, 3), random(4, 1, 3, 3, seed=1)
    best = (mean - teacher).square().mean().reshape(1).requires_grad_()
    vid_loss(mean, teacher, best).backward()
    assert best.grad.item() == pytest.approx(0.0, abs=1e-12)


def test_a_sure_and_right_prediction_is_below_zero():
    teacher = random(1, 2, 2, 2)
    assert vid_loss(teacher, teacher, torch.tensor([0.1, 0.1], dtype=torch.float64)).item() < -1


def test_no_gradient_reaches_the_teacher():
    mean, teacher = random(2, 3, 2, 2, grad=True), random(2, 3, 2, 2, seed=1, grad=True)
    vid_loss(mean, teacher, torch.ones(3, dtype=torch.float64)).backward()
    assert teacher.grad is None


# the term


def test_adds_up_the_regressed_stages_at_the_first_variance():
    nets = networks()
    loss, term = loss_of(VID(variance=2.0), nets)
    student, teacher = (answer.features for answer in outputs(nets))
    expected = sum(
        vid_loss(regressor(own), other, torch.full((other.shape[1],), 2.0))
        for regressor, own, other in zip(term.regressors, student, teacher, strict=True)
    )
    torch.testing.assert_close(loss, expected)


def test_the_regressor_is_the_reference_benchmarks():
    term = build(VID(), networks())
    widths = [[tuple(layer.weight.shape[:2]) for layer in regressor[::2]] for regressor in term.regressors]
    assert widths == [[(5, 4), (5, 5), (5, 5)], [(8, 6), (8, 8), (8, 8)]]
    assert all(layer.bias is None for regressor in term.regressors for layer in regressor[::2])


def test_all_of_it_is_trained_and_the_variance_learns():
    nets = networks()
    student, teacher = outputs(nets)
    student = student._replace(features=tuple(features.detach() for features in student.features))
    torch.manual_seed(0)
    term = build(VID(), nets)
    optimiser = torch.optim.Adam(term.parameters(), 0.05)
    losses = []
    for _ in range(40):
        loss = term(student, teacher, batch(), clock())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(parameter.grad is not None for parameter in term.parameters())
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.parametrize("strides", [(1, 2), (4, 1)])
def test_the_larger_map_is_averaged(strides):
    loss, _ = loss_of(VID(), networks(teacher={"strides": strides}))
    assert loss.isfinite()


def test_pairs_choose_stages_of_unlike_networks():
    nets = networks(teacher={"widths": (4, 6, 8), "strides": (1, 2, 2)})
    term = build(VID(pairs=((1, 2),)), nets)
    assert [raw.shape for raw in term.raw_variances] == [(8,)]
    with pytest.raises(ValueError, match="equally many stages, got 2 and 3"):
        VID().check(shapes(*nets))


def test_defaults_are_the_published_ones():
    assert (VID().weight, VID().variance) == (1.0, 5.0)
    assert set(space(VID())) == {"weight"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"variance": 0.0}, "variance must be above 1e-05, got 0.0"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        VID(**values)
