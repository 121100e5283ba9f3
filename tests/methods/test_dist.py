import pytest
import torch

from raykd.methods.dist import DIST, dist_loss
from raykd.space.ranges import space
from references import dist as reference
from terms import loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, random


def logits(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64).log()


def test_golden_between_classes():
    # about their mean of 1/3: (5, -1, -4) / 30 and (-4, -1, 5) / 30, whose correlation is -39 / 42
    student, teacher = logits((0.5, 0.3, 0.2)), logits((0.2, 0.3, 0.5))
    assert dist_loss(student, teacher, gamma=0.0).item() == pytest.approx(1 + 39 / 42, abs=1e-6)


def test_golden_within_classes():
    # the first class is rarer in the second image for the student, and commoner for the teacher
    student, teacher = logits((0.6, 0.4), (0.3, 0.7)), logits((0.5, 0.5), (0.8, 0.2))
    assert dist_loss(student, teacher, beta=0.0).item() == pytest.approx(2.0, abs=1e-6)
    assert dist_loss(student, student, beta=0.0).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("beta", "gamma", "temperature"), [(1.0, 1.0, 4.0), (2.0, 0.0, 1.0), (0.0, 0.5, 2.0)])
def test_agrees_with_the_paper(beta, gamma, temperature):
    teacher = random(5, 4, seed=1)
    assert_same_value_and_gradient(
        lambda student: dist_loss(student, teacher, beta, gamma, temperature),
        lambda student: reference.dist_loss(student, teacher, beta, gamma, temperature),
        [random(5, 4, grad=True)],
    )


def test_ignores_shift_and_scale_of_an_images_probabilities():
    student = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]], dtype=torch.float64)
    unsure = 0.25 * student + 0.75 / 3
    assert dist_loss(unsure.log(), student.log(), gamma=0.0).item() == pytest.approx(0.0, abs=1e-6)


def test_is_zero_for_logits_that_differ_by_a_constant_and_ignores_the_order_of_the_batch():
    student, teacher, order = random(5, 4), random(5, 4, seed=1), [3, 1, 4, 0, 2]
    assert dist_loss(teacher + 3.0, teacher).item() == pytest.approx(0.0, abs=1e-5)
    assert dist_loss(student[order], teacher[order]).item() == pytest.approx(dist_loss(student, teacher).item())


def test_one_image_has_no_relations_within_classes():
    student = random(1, 4, grad=True)
    loss = dist_loss(student, random(1, 4, seed=1), beta=0.0, temperature=2.0)
    loss.backward()
    assert loss.item() == 4.0
    assert student.grad.abs().sum() == 0


def test_an_image_whose_classes_are_alike_passes_no_gradient_and_spoils_no_other():
    student = random(3, 7)
    student[1] = 0.3  # a seventh each, whose mean is a seventh but for rounding
    student.requires_grad_()
    dist_loss(student, random(3, 7, seed=1), gamma=0.0).backward()
    assert student.grad.isfinite().all()
    assert student.grad[1].abs().sum() == 0 and student.grad[0].abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_student_that_says_the_same_of_all_images_gets_no_gradient_within_classes(dtype):
    student = random(1, 5).repeat(7, 1).to(dtype).requires_grad_()
    dist_loss(student, random(7, 5, seed=1).to(dtype), beta=0.0).backward()
    assert student.grad.abs().sum() == 0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(5, 4, grad=True), random(5, 4, seed=1, grad=True)
    dist_loss(student, teacher).backward()
    assert teacher.grad is None


# the term


def test_reads_the_logits_with_its_own_settings():
    nets = networks()
    loss, term = loss_of(DIST(beta=2.0, gamma=3.0, temperature=5.0), nets)
    student, teacher = outputs(nets)
    torch.testing.assert_close(loss, dist_loss(student.logits, teacher.logits, 2.0, 3.0, 5.0))
    assert not list(term.parameters())


def test_defaults_are_the_published_ones():
    spec = DIST()
    assert (spec.weight * spec.beta, spec.weight * spec.gamma, spec.temperature) == (2.0, 2.0, 4.0)
    assert set(space(spec)) == {"weight", "gamma", "temperature"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gamma": -1.0}, "gamma must be at least 0, got -1.0"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        DIST(**values)
