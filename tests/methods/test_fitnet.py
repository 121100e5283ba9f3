import pytest
import torch

from raykd.methods.fitnet import FitNet, hint_loss
from raykd.space.ranges import space
from references import fitnet as reference
from terms import build, loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, batch, clock, network, random, shapes


def test_golden():
    student = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert hint_loss(student, torch.ones(1, 1, 2, 2)).item() == (0 + 1 + 4 + 9) / 4
    assert hint_loss(student, torch.ones(1, 1, 1, 1)).item() == 1.5**2  # 2.5 is the student's mean


@pytest.mark.parametrize(("own", "other"), [((4, 4), (4, 4)), ((4, 4), (2, 2)), ((2, 3), (5, 3))])
def test_agrees_with_the_paper(own, other):
    teacher = random(3, 4, *other, seed=1)
    assert_same_value_and_gradient(
        lambda student: hint_loss(student, teacher),
        lambda student: reference.hint_loss(student, teacher),
        [random(3, 4, *own, grad=True)],
    )


def test_is_zero_for_equal_maps_and_for_one_image_too():
    assert hint_loss(random(1, 4, 3, 3), random(1, 4, 3, 3)).item() == 0.0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(2, 3, 2, 2, grad=True), random(2, 3, 2, 2, seed=1, grad=True)
    hint_loss(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


def test_half_precision_maps_are_compared_in_single_precision():
    student, teacher = random(2, 3, 2, 2).bfloat16(), random(2, 3, 2, 2, seed=1).bfloat16()
    torch.testing.assert_close(hint_loss(student, teacher), hint_loss(student.float(), teacher.float()))


# the term


def test_the_second_stage_is_regressed_as_the_reference_benchmark_does():
    nets = networks()
    loss, term = loss_of(FitNet(), nets)
    convolution, normalisation, last = term.regressor
    assert convolution.weight.shape == (8, 6, 1, 1)
    assert isinstance(normalisation, torch.nn.BatchNorm2d) and isinstance(last, torch.nn.ReLU)
    student, teacher = outputs(nets)
    torch.testing.assert_close(loss, hint_loss(term.regressor(student.features[1]), teacher.features[1]))


@pytest.mark.parametrize(
    ("strides", "kernel", "kind"),
    [((4, 2), (3, 3), "Conv2d"), ((1, 2), (4, 4), "ConvTranspose2d"), ((1, 1), (1, 1), "Conv2d")],
)
def test_the_regressor_bridges_a_factor_of_two_and_the_rest_is_averaged(strides, kernel, kind):
    nets = networks(teacher={"strides": strides})  # maps of 1, 4 and 8 against the student's 2
    loss, term = loss_of(FitNet(), nets)
    assert type(term.regressor[0]).__name__ == kind
    assert term.regressor[0].kernel_size == kernel
    regressed, target = term.regressor(outputs(nets)[0].features[1]), shapes(*nets).teacher[1]
    assert regressed.shape[1:] == (target if kernel != (1, 1) else (8, 2, 2))
    assert loss.isfinite()


def test_only_what_leads_to_the_stage_is_trained():
    nets = networks()
    loss, term = loss_of(FitNet(stage=0), nets)
    loss.backward()
    assert all(parameter.grad is not None for parameter in term.parameters())
    assert nets[0].network["stem"].weight.grad.abs().sum() > 0
    assert nets[0].network["stage2"][0].weight.grad is None


def test_a_teacher_below_zero_can_be_met_without_the_last_relu():
    nets = networks()
    student, teacher = outputs(nets)
    student = student._replace(features=tuple(features.detach() for features in student.features))
    below = teacher._replace(features=tuple(-features - 1.0 for features in teacher.features))
    losses = []
    for rectify in (True, False):
        torch.manual_seed(0)
        term = build(FitNet(rectify=rectify), nets)
        optimiser = torch.optim.SGD(term.parameters(), 0.1)
        for _ in range(30):
            loss = term(student, below, batch(), clock())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        losses.append(loss.item())
    assert losses[1] < 0.5 * losses[0]


def test_flat_stages_are_regressed_too():
    loss, _ = loss_of(FitNet(stage=-1), networks({"embedding": 5}, {"embedding": 7}))
    assert loss.isfinite()


def test_defaults_are_the_published_ones():
    assert (FitNet().weight, FitNet().stage) == (100.0, 1)
    assert set(space(FitNet())) == {"weight"}


def test_refuses():
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -1.0"):
        FitNet(weight=-1.0)
    with pytest.raises(ValueError, match="stage 2 is not among the 2 stages of the student"):
        FitNet(stage=2).check(shapes(network(), network(1)))
