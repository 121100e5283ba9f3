import pytest
import torch

from raykd.methods.ctkd import CTKD, reversal, reversed_gradient
from raykd.methods.kd import kd_loss
from raykd.space.ranges import space
from references import ctkd as reference
from references import kd as kd_reference
from terms import build, loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, batch, clock, random


def test_kd_has_a_gradient_for_its_temperature():
    teacher = random(5, 4, seed=1)
    assert_same_value_and_gradient(
        lambda student, temperature: kd_loss(student, teacher, temperature),
        lambda student, temperature: kd_reference.kd_loss(student, teacher, temperature),
        [random(5, 4, grad=True), torch.tensor(3.0, dtype=torch.float64, requires_grad=True)],
    )


def test_the_value_is_kept_and_the_gradient_reversed():
    value = torch.tensor(0.7, requires_grad=True)
    turned = reversed_gradient(value, 0.25)
    (turned**2).backward()
    assert turned.item() == value.item()
    assert value.grad.item() == pytest.approx(-0.25 * 2 * 0.7)


def test_the_temperature_joins_in_over_the_first_ten_of_240_epochs():
    share = CTKD().warm_up
    assert reversal(4, 240, share) == pytest.approx(0.5)
    assert reversal(9, 240, share) == reversal(239, 240, share) == 1.0
    for epoch in range(12):
        assert reversal(epoch, 240, share) == pytest.approx(reference.reversal(epoch, 10))
    assert reversal(0, 240, 0.0) == 1.0


# the term


def test_begins_as_kd_at_the_authors_temperature():
    nets = networks()
    loss, term = loss_of(CTKD(), nets)
    student, teacher = outputs(nets)
    temperature = 1 + 20 / (1 + torch.exp(torch.tensor(-1.0)))  # 15.62
    torch.testing.assert_close(loss, kd_loss(student.logits, teacher.logits, temperature))
    assert [name for name, _ in term.named_parameters()] == ["theta"]


def test_the_student_goes_down_and_the_temperature_up_the_loss():
    nets = networks()
    student, teacher = outputs(nets)
    term = build(CTKD(lowest=2.0, span=3.0), nets)
    when = clock(epoch=4, epochs=240)
    logits = student.logits.detach().requires_grad_()
    term(student._replace(logits=logits), teacher, batch(), when).backward()
    theta = torch.tensor(1.0, requires_grad=True)
    plain = logits.detach().requires_grad_()
    kd_loss(plain, teacher.logits, 2.0 + 3.0 * torch.sigmoid(theta)).backward()
    torch.testing.assert_close(logits.grad, plain.grad)
    torch.testing.assert_close(-2.0 * term.theta.grad, theta.grad)


def test_defaults_are_the_published_ones():
    spec = CTKD()
    assert (spec.weight, spec.lowest, spec.span) == (0.9, 1.0, 20.0)
    assert set(space(spec)) == {"weight", "span"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"lowest": 0.0}, "lowest must be above 0, got 0.0"),
        ({"warm_up": -0.5}, "warm_up must be within 0 and 1, got -0.5"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        CTKD(**values)
