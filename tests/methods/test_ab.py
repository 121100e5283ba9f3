from typing import Any

import pytest
import torch

from raykd.methods.ab import AB, _Boundaries, ab_loss
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.common.warm_start import trunk
from raykd.optim import SGD
from raykd.space.ranges import space
from references import ab as reference
from terms import networks
from tiny import assert_same_value_and_gradient, batch, network, random, shapes


def loss_of(spec, nets) -> Any:
    """The start's loss of the tiny batch, and its module."""
    torch.manual_seed(0)
    module = _Boundaries(spec, shapes(*nets))
    return module(*(trunk(net, batch().images) for net in nets)), module


def test_golden():
    # on the right side's margin; right but short of it by 0.5; wrong by 3; wrong by 2; right and beyond
    student = torch.tensor([1.0, 0.5, -2.0, 1.0, -5.0]).reshape(1, 5, 1, 1)
    teacher = torch.tensor([4.0, 4.0, 4.0, -4.0, -4.0]).reshape(1, 5, 1, 1)
    assert ab_loss(student, teacher).item() == pytest.approx(0.003 * (0 + 0.25 + 9 + 4 + 0))
    assert ab_loss(student.repeat(2, 1, 1, 1), teacher.repeat(2, 1, 1, 1)).item() == pytest.approx(0.003 * 13.25)


@pytest.mark.parametrize("margin", [0.3, 1.0, 2.0])
def test_agrees_with_the_authors_code(margin):
    teacher = random(3, 4, 2, 3, seed=1)
    teacher[0, 0] = 0.0  # does not fire
    assert_same_value_and_gradient(
        lambda student: ab_loss(student, teacher, margin),
        lambda student: reference.ab_loss(student, teacher, margin),
        [random(3, 4, 2, 3, grad=True)],
    )


def test_an_activated_teacher_has_the_same_boundaries():
    student, teacher = random(3, 4, 2, 2), random(3, 4, 2, 2, seed=1)
    assert torch.equal(ab_loss(student, teacher), ab_loss(student, 7 * teacher.relu()))


def test_is_zero_where_all_neurons_lie_beyond_the_margin():
    teacher = random(2, 3, 2, 2)
    assert ab_loss(1.5 * teacher.sign(), teacher).item() == 0.0


def test_half_precision_maps_are_compared_in_single_precision():
    student, teacher = random(2, 3, 2, 2).bfloat16(), random(2, 3, 2, 2, seed=1)
    assert torch.equal(ab_loss(student, teacher), ab_loss(student.float(), teacher))


# the start's loss


def test_maps_from_before_the_relu_are_connected_and_later_stages_weigh_more():
    nets = networks()
    loss, module = loss_of(AB(margin=0.5), nets)
    student, teacher = (trunk(net, batch().images).before_relu for net in nets)
    mine = [connector(own) for connector, own in zip(module.connectors, student, strict=True)]
    assert all((own < 0).any() for own in (*mine, *student, *teacher))
    torch.testing.assert_close(loss, reference.start_loss(mine, teacher, 0.5))


def test_a_connector_stands_only_where_shapes_differ():
    kinds = []
    for other in (network(1), network(1, widths=(4, 8))):
        _, module = loss_of(AB(), (network(0), other))
        kinds.append([[type(layer).__name__ for layer in connector.modules()] for connector in module.connectors])
    connector = ["Sequential", "Conv2d", "BatchNorm2d"]
    assert kinds == [[["Identity"], ["Identity"]], [["Identity"], connector]]


@pytest.mark.parametrize(("strides", "kernel"), [((4, 2), 3), ((1, 2), 4), ((1, 1), 1)])
def test_connectors_bridge_a_factor_of_two_and_the_rest_is_averaged(strides, kernel):
    nets = networks(teacher={"strides": strides})
    loss, module = loss_of(AB(pairs=((1, 1),)), nets)
    assert module.connectors[0][0].kernel_size == (kernel, kernel)
    assert loss.isfinite()


def test_everything_but_the_head_learns():
    nets = networks()
    loss, module = loss_of(AB(), nets)
    loss.backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert nets[0].network["stem"].weight.grad.abs().sum() > 0
    assert nets[0].network["head"][1].weight.grad is None


def test_pairs_choose_stages_of_unlike_networks():
    nets = networks(teacher={"widths": (4, 6, 8), "strides": (1, 2, 2)})
    _, module = loss_of(AB(pairs=((0, 0), (1, 2))), nets)
    assert [connector[0].out_channels for connector in module.connectors] == [4, 8]
    last, _ = loss_of(AB(pairs=((-1, -1),)), nets)
    assert torch.equal(last, loss_of(AB(pairs=((1, 2),)), nets)[0])


# the spec


def test_defaults_are_the_published_ones():
    spec = AB()
    assert (spec.margin, spec.first_stage.epochs, spec.first_stage.batch_size) == (1.0, 30, 64)
    optimiser = spec.first_stage.optimiser
    assert isinstance(optimiser, SGD)
    assert (optimiser.lr, optimiser.momentum, optimiser.weight_decay) == (0.05, 0.9, 5e-4)
    assert [optimiser.schedule.factor(epoch, 30) for epoch in (0.0, 29.9)] == [1.0, 1.0]
    assert not space(spec)  # so that all trials share one first stage


def test_refuses():
    with pytest.raises(ValueError, match=r"margin must be above 0, got 0\.0"):
        AB(margin=0.0)
    with pytest.raises(ValueError, match="equally many stages, got 2 and 3"):
        AB().check(shapes(*networks(teacher={"embedding": 4})))
    with pytest.raises(ValueError, match="batch_size: 25 is more than the 24 training images"):
        AB(first_stage=FirstStage(batch_size=25)).check(shapes(*networks()))
