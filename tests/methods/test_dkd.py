import dataclasses
import math

import pytest
import torch

from raykd.methods.dkd import DKD, dkd_loss, ramp
from raykd.methods.kd import kd_loss
from raykd.space.ranges import space
from references import dkd as reference
from terms import loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, batch, random, shapes

TARGETS = torch.tensor([2, 0, 3, 3, 1])


def logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor([probabilities], dtype=torch.float64).log()


def test_golden():
    first, student = torch.tensor([0]), logits(0.5, 0.25, 0.25)
    # among the other two classes 0.8 and 0.2 against a half each; both give the first class a half
    others = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    assert dkd_loss(student, logits(0.5, 0.4, 0.1), first, 1.0, 8.0, 1.0).item() == pytest.approx(8 * others)
    # the first class 0.8 against a half; both find the other two alike
    true = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    assert dkd_loss(student, logits(0.8, 0.1, 0.1), first, 3.0, 8.0, 1.0).item() == pytest.approx(3 * true)


@pytest.mark.parametrize(("alpha", "beta", "temperature"), [(1.0, 8.0, 4.0), (1.0, 0.0, 1.0), (0.0, 1.0, 2.0)])
def test_agrees_with_the_paper(alpha, beta, temperature):
    teacher = random(5, 4, seed=1)
    assert_same_value_and_gradient(
        lambda student: dkd_loss(student, teacher, TARGETS, alpha, beta, temperature),
        lambda student: reference.dkd_loss(student, teacher, TARGETS, alpha, beta, temperature),
        [random(5, 4, grad=True)],
    )


def test_is_kd_where_the_second_part_counts_as_much_as_the_teacher_is_unsure():
    student, teacher, temperature = random(1, 4), random(1, 4, seed=1), 2.0
    unsure = 1.0 - (teacher / temperature).softmax(dim=1)[0, 2].item()
    decoupled = dkd_loss(student, teacher, torch.tensor([2]), 1.0, unsure, temperature)
    torch.testing.assert_close(decoupled, kd_loss(student, teacher, temperature))


def test_is_zero_for_logits_that_differ_by_a_constant():
    teacher = random(5, 4)
    assert dkd_loss(teacher + 3.0, teacher, TARGETS, 1.0, 8.0, 4.0).item() == pytest.approx(0.0, abs=1e-12)


def test_stays_finite_for_a_teacher_and_a_student_without_any_doubt():
    student, teacher = torch.zeros(2, 3), torch.zeros(2, 3)
    student[:, 0], teacher[:, 0] = 200.0, 300.0
    student.requires_grad_()
    loss = dkd_loss(student, teacher, torch.tensor([0, 1]), 1.0, 8.0, 1.0)
    loss.backward()
    assert loss.isfinite() and student.grad.isfinite().all()


def test_two_classes_have_no_others_to_tell_apart():
    assert dkd_loss(random(5, 2), random(5, 2, seed=1), TARGETS % 2, 0.0, 8.0, 4.0).item() == 0.0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(5, 4, grad=True), random(5, 4, seed=1, grad=True)
    dkd_loss(student, teacher, TARGETS, 1.0, 8.0, 4.0).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


@pytest.mark.parametrize(("epoch", "factor"), [(0, 1 / 20), (9, 10 / 20), (19, 1.0), (20, 1.0), (239, 1.0)])
def test_the_published_run_is_ramped_up_over_twenty_epochs(epoch, factor):
    assert ramp(epoch, 240, DKD().warm_up) == pytest.approx(factor)


def test_the_ramp_is_the_same_share_of_every_run():
    assert ramp(5, 144, 1 / 12) == 0.5
    assert ramp(0, 5, 1 / 12) == 1.0
    assert ramp(0, 5, 0.0) == 1.0


# the term


def test_reads_logits_and_labels_and_is_ramped_up():
    nets = networks()
    (student, teacher), targets = outputs(nets), batch().targets
    full = dkd_loss(student.logits, teacher.logits, targets, 2.0, 3.0, 5.0)
    spec = DKD(alpha=2.0, beta=3.0, temperature=5.0)
    torch.testing.assert_close(loss_of(spec, nets, epoch=4, epochs=240)[0], full / 4)
    torch.testing.assert_close(loss_of(spec, nets, epoch=100, epochs=240)[0], full)


def test_defaults_are_the_published_ones():
    spec = DKD()
    assert (spec.weight, spec.alpha, spec.beta, spec.temperature) == (1.0, 1.0, 8.0, 4.0)
    assert set(space(spec)) == {"weight", "beta", "temperature"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beta": -1.0}, "beta must be at least 0, got -1.0"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"warm_up": 1.5}, "warm_up must be within 0 and 1, got 1.5"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        DKD(**values)


def test_check_refuses_a_single_class():
    with pytest.raises(ValueError, match="needs at least 2 classes, got 1"):
        DKD().check(dataclasses.replace(shapes(*networks()), num_classes=1))
