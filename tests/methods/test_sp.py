import pytest
import torch

from raykd.methods.sp import SP, similarity_loss
from raykd.space.ranges import space
from references import sp as reference
from terms import loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, random, shapes


def test_golden():
    # unlike images, rows (1, 0) and (0, 1), against equal ones, rows (1, 1) / sqrt 2
    student = torch.eye(2, dtype=torch.float64)[:, :, None, None]
    teacher = torch.full((2, 3, 1, 1), 5.0, dtype=torch.float64)
    assert similarity_loss(student, teacher).item() == pytest.approx(1 - 0.5**0.5)


@pytest.mark.parametrize("num_images", [2, 5])
def test_agrees_with_the_paper(num_images):
    teacher = random(num_images, 5, 2, 2, seed=1)
    assert_same_value_and_gradient(
        lambda student: similarity_loss(student, teacher),
        lambda student: reference.similarity_loss(student, teacher),
        [random(num_images, 4, 3, 3, grad=True)],
    )


def test_is_zero_for_scaled_rotated_and_padded_features_and_positive_for_others():
    teacher = random(6, 4)
    rotation = torch.linalg.qr(random(4, 4, seed=1)).Q
    padded = torch.cat([teacher, torch.zeros(6, 3, dtype=torch.float64)], dim=1)
    for student in (teacher, 7 * teacher, teacher @ rotation, padded):
        assert similarity_loss(student, teacher).item() == pytest.approx(0.0, abs=1e-20)
    assert similarity_loss(random(6, 4, seed=2), teacher).item() > 1e-3


def test_ignores_the_order_of_the_batch():
    student, teacher, order = random(4, 3), random(4, 3, seed=1), [2, 0, 3, 1]
    expected = similarity_loss(student, teacher).item()
    assert similarity_loss(student[order], teacher[order]).item() == pytest.approx(expected)


def test_one_image_has_no_other_to_be_like():
    student = random(1, 4, 2, 2, grad=True)
    loss = similarity_loss(student, random(1, 3, 2, 2, seed=1))
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-20)
    assert student.grad.abs().max() < 1e-10


def test_an_image_without_activation_passes_no_gradient_and_spoils_no_other():
    student, teacher = random(4, 3), random(4, 3, seed=1)
    student[1] = 0.0
    student.requires_grad_()
    similarity_loss(student, teacher).backward()
    assert student.grad.isfinite().all()
    assert student.grad[0].abs().sum() > 0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(4, 3, grad=True), random(4, 3, seed=1, grad=True)
    similarity_loss(student, teacher).backward()
    assert teacher.grad is None


def test_computes_in_single_precision_whatever_autocast_says():
    student, teacher = random(8, 16).float(), random(8, 12, seed=1).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = similarity_loss(student, teacher)
    assert torch.equal(found, similarity_loss(student, teacher))


# the term


@pytest.mark.parametrize("stage", [-1, 0])
def test_reads_one_stage_the_last_by_default(stage):
    nets = networks(teacher={"strides": (1, 2)})
    loss, term = loss_of(SP(stage=stage), nets)
    own, other = (answer.features[stage] for answer in outputs(nets))
    torch.testing.assert_close(loss, similarity_loss(own, other))
    assert not list(term.parameters())


def test_defaults_are_the_published_ones():
    assert (SP().weight, SP().stage) == (3000.0, -1)
    assert set(space(SP())) == {"weight"}


def test_refuses():
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -1.0"):
        SP(weight=-1.0)
    with pytest.raises(ValueError, match="stage 5 is not among the 2 stages of the student"):
        SP(stage=5).check(shapes(*networks()))
