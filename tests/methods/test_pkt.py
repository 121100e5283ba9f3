import pytest
import torch

from raykd.methods.infoflow import InfoFlow
from raykd.methods.pkt import PKT, pkt_loss
from raykd.space.ranges import space
from references import pkt as reference
from terms import loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, random

TEACHER = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], dtype=torch.float64)
STUDENT = torch.tensor([[1, 0], [0, 1], [1, 2], [1, 1]], dtype=torch.float64)


def test_golden():
    # two images: the student's are equal, q = 1/2; the teacher's are at right angles, p = 2/3 and 1/3
    p = torch.tensor([2 / 3, 1 / 3], dtype=torch.float64)
    expected = (p * (p / 0.5).log()).sum() / 2
    equal, unlike = torch.ones(2, 1, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    assert pkt_loss(equal, unlike).item() == pytest.approx(expected.item(), abs=1e-6)


def test_golden_of_four_images():
    assert pkt_loss(STUDENT, TEACHER).item() == pytest.approx(0.0075128604, abs=1e-10)
    assert pkt_loss(TEACHER, STUDENT).item() == pytest.approx(0.0080308800, abs=1e-10)


def test_agrees_with_the_authors_code():
    teacher = random(6, 5, seed=1)
    assert_same_value_and_gradient(
        lambda student: pkt_loss(student, teacher),
        lambda student: reference.pkt_loss(student, teacher),
        [random(6, 3, grad=True)],
    )


def test_is_zero_for_scaled_and_rotated_features_and_positive_for_others():
    teacher = random(6, 4)
    rotation = torch.linalg.qr(random(4, 4, seed=1)).Q
    for student in (teacher, 7 * teacher, teacher @ rotation):
        assert pkt_loss(student, teacher).item() == pytest.approx(0.0, abs=1e-8)  # the epsilons see the scale
    assert pkt_loss(random(6, 4, seed=2), teacher).item() > 1e-4


def test_one_image_has_no_neighbours_to_learn_from():
    student = random(1, 4, grad=True)
    loss = pkt_loss(student, random(1, 3))
    loss.backward()
    assert loss.item() == 0.0
    torch.testing.assert_close(student.grad, torch.zeros_like(student), rtol=0, atol=1e-15)


def test_an_image_without_activation_spoils_no_other():
    student, teacher = random(4, 3), random(4, 3, seed=1)
    student[1], teacher[2] = 0.0, 0.0
    student.requires_grad_()
    pkt_loss(student, teacher).backward()
    assert student.grad.isfinite().all()
    assert student.grad[1].abs().sum() == 0 and student.grad[0].abs().sum() > 0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(4, 3, grad=True), random(4, 3, seed=1, grad=True)
    pkt_loss(student, teacher).backward()
    assert teacher.grad is None


# the term


def test_is_information_flow_without_its_critical_period():
    nets = networks()
    loss, term = loss_of(PKT(), nets)
    own, other = (answer.features[-1].mean(dim=(2, 3)) for answer in outputs(nets))
    assert torch.equal(loss, pkt_loss(own, other))
    torch.testing.assert_close(loss, loss_of(InfoFlow(initial=0.0, kernel="cosine", divergence="kl"), nets)[0])
    assert not list(term.parameters())


def test_defaults_are_the_published_ones():
    assert PKT().weight == 30000.0
    assert set(space(PKT())) == {"weight"}


def test_refuses():
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -1.0"):
        PKT(weight=-1.0)
