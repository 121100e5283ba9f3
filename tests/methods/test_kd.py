import pytest
import torch

from raykd.methods.kd import KD, kd_loss, standardised
from raykd.space.ranges import space
from references import kd as reference
from tiny import assert_same_value_and_gradient, batch, clock, context, network, random, shapes

TEACHER = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
STUDENT = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, -1.0]], dtype=torch.float64)


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, 0.21880467), (4.0, 0.33463503), (5.0, 0.33647212)])
def test_golden(temperature, expected):
    assert kd_loss(STUDENT, TEACHER, temperature).item() == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_agrees_with_the_paper(temperature):
    teacher = random(5, 4, seed=1)
    assert_same_value_and_gradient(
        lambda student: kd_loss(student, teacher, temperature),
        lambda student: reference.kd_loss(student, teacher, temperature),
        [random(5, 4, grad=True)],
    )


def test_is_zero_for_logits_that_differ_by_a_constant():
    assert kd_loss(TEACHER + 3.0, TEACHER, 4.0).item() == pytest.approx(0.0, abs=1e-12)


def test_ignores_a_constant_added_to_all_logits():
    assert kd_loss(STUDENT - 7.0, TEACHER + 3.0, 4.0).item() == pytest.approx(kd_loss(STUDENT, TEACHER, 4.0).item())


def test_is_a_mean_over_the_batch():
    twice = kd_loss(STUDENT.repeat(2, 1), TEACHER.repeat(2, 1), 4.0)
    assert twice.item() == pytest.approx(kd_loss(STUDENT, TEACHER, 4.0).item())


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(2, 3, grad=True), random(2, 3, seed=1, grad=True)
    kd_loss(student, teacher, 4.0).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


def test_half_precision_logits_are_softened_in_single_precision():
    loss = kd_loss(STUDENT.bfloat16(), TEACHER.bfloat16(), 4.0)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(0.33463503, rel=1e-5)


def test_the_term_reads_the_logits_at_its_own_temperature(tmp_path):
    student, teacher = network(0), network(1)
    term = KD(temperature=2.0).build(shapes(student, teacher), context(tmp_path))
    images = batch().images
    loss = term(student(images), teacher(images), batch(), clock())
    torch.testing.assert_close(loss, kd_loss(student(images).logits, teacher(images).logits, 2.0))
    assert not list(term.parameters())


# logit standardisation


def test_standardised_golden():
    logits = torch.tensor([[1.0, 2.0, 3.0], [10.0, 10.0, 40.0]], dtype=torch.float64)
    expected = torch.tensor([[-1.0, 0.0, 1.0], [-1 / 3**0.5, -1 / 3**0.5, 2 / 3**0.5]], dtype=torch.float64)
    torch.testing.assert_close(standardised(logits), expected, rtol=0, atol=1e-6)


def test_standardised_kd_agrees_with_the_paper():
    teacher = random(5, 4, seed=1)
    assert_same_value_and_gradient(
        lambda student: kd_loss(standardised(student), standardised(teacher), 2.0),
        lambda student: reference.standardised_kd_loss(student, teacher, 2.0),
        [random(5, 4, grad=True)],
    )


def test_standardised_logits_ignore_shift_and_scale_and_are_zero_where_they_are_equal():
    torch.testing.assert_close(standardised(7 * STUDENT + 3), standardised(STUDENT), rtol=0, atol=1e-6)
    equal = torch.full((2, 3), 5.0, requires_grad=True)
    standardised(equal).sum().backward()
    assert torch.equal(standardised(equal), torch.zeros(2, 3))
    assert equal.grad.abs().sum() == 0


def test_the_term_standardises_both_networks_logits(tmp_path):
    student, teacher = network(0), network(1)
    term = KD(temperature=2.0, standardise=True).build(shapes(student, teacher), context(tmp_path))
    images = batch().images
    loss = term(student(images), teacher(images), batch(), clock())
    own, other = (standardised(net(images).logits) for net in (student, teacher))
    torch.testing.assert_close(loss, kd_loss(own, other, 2.0))
    assert abs(loss - kd_loss(student(images).logits, teacher(images).logits, 2.0)) > 1e-3


def test_searches_weight_and_temperature():
    assert set(space(KD())) == {"weight", "temperature"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        KD(**values)
