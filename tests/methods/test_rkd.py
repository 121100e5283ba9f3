import pytest
import torch

from raykd.methods.rkd import RKD, rkd_loss
from raykd.space.ranges import space
from references import rkd as reference
from terms import loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, random

LINE = torch.tensor([[0, 0], [1, 0], [2, 0]], dtype=torch.float64)
TRIANGLE = torch.tensor([[0, 0], [3, 0], [0, 4]], dtype=torch.float64)


def test_golden_distances():
    # 1, 1, 2 and 3, 5, 4 over their means: 0.75, 0.75, 1.5 and 0.75, 1.25, 1; each pair counts twice among 9
    assert rkd_loss(LINE, TRIANGLE, 1.0, 0.0).item() == pytest.approx(2 * (0 + 0.5**2 / 2 + 0.5**2 / 2) / 9)


def test_golden_angles():
    # cosines 1, -1, 1 and 0, 3/5, 4/5, two of them 1 and more apart; each triplet counts twice among 27
    assert rkd_loss(LINE, TRIANGLE, 0.0, 1.0).item() == pytest.approx(2 * ((1 - 0.5) + (1.6 - 0.5) + 0.2**2 / 2) / 27)


def test_golden():
    assert rkd_loss(LINE, TRIANGLE).item() == pytest.approx(25 / 18 + 50 * 0.12)


def test_agrees_with_the_paper():
    teacher = random(6, 5, seed=1)
    assert_same_value_and_gradient(
        lambda student: rkd_loss(student, teacher),
        lambda student: reference.rkd_loss(student, teacher),
        [random(6, 3, grad=True)],
    )


def test_is_zero_for_moved_scaled_rotated_and_padded_features_and_positive_for_others():
    teacher = random(6, 4)
    rotation = torch.linalg.qr(random(4, 4, seed=1)).Q
    padded = torch.cat([teacher, torch.zeros(6, 3, dtype=torch.float64)], dim=1)
    for student in (teacher, 7 * teacher, teacher + 5.0, teacher @ rotation, padded):
        assert rkd_loss(student, teacher).item() == pytest.approx(0.0, abs=1e-12)
    assert rkd_loss(random(6, 4, seed=2), teacher).item() > 1e-2


def test_ignores_the_order_of_the_batch():
    student, teacher, order = random(4, 3), random(4, 3, seed=1), [2, 0, 3, 1]
    assert rkd_loss(student[order], teacher[order]).item() == pytest.approx(rkd_loss(student, teacher).item())


@pytest.mark.parametrize("num_images", [1, 2])
def test_fewer_than_three_images_have_nothing_to_relate(num_images):
    student = random(num_images, 4, grad=True)
    loss = rkd_loss(student, random(num_images, 3, seed=1))
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-20)
    assert student.grad.abs().max() < 1e-10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_images_and_dead_ones_do_not_spoil_the_gradient_of_others(dtype):
    student, teacher = random(6, 8), random(6, 8, seed=1)
    student[1] = student[0]
    student[2:4] = 0.0
    teacher[2:4] = 0.0
    student = student.to(dtype).requires_grad_()
    rkd_loss(student, teacher.to(dtype)).backward()
    assert student.grad.isfinite().all()
    assert 0 < student.grad.abs().max() < 10


def test_what_rounding_leaves_of_equal_images_does_not_blur_the_gradient():
    gradients = []
    for dtype in (torch.float32, torch.float64):
        student = random(16, 64).float().to(dtype)  # the same numbers in both
        student[8:] = student[:8]
        student.requires_grad_()
        rkd_loss(student, random(16, 32, seed=1).float().to(dtype), angle_weight=0.0).backward()
        gradients.append(student.grad.double())
    assert (gradients[0] - gradients[1]).norm() < 1e-5 * gradients[1].norm()


def test_all_images_equal():
    student = torch.ones(4, 3, requires_grad=True)
    rkd_loss(student, torch.ones(4, 2)).backward()
    assert student.grad.abs().sum() == 0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(4, 3, grad=True), random(4, 3, seed=1, grad=True)
    rkd_loss(student, teacher).backward()
    assert teacher.grad is None


def test_computes_in_single_precision_whatever_autocast_says():
    student, teacher = random(8, 16).float(), random(8, 12, seed=1).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = rkd_loss(student, teacher)
    torch.testing.assert_close(found.double(), rkd_loss(student.double(), teacher.double()), rtol=1e-5, atol=0)


# the term


def test_reads_the_pooled_last_stage_with_its_own_weights():
    nets = networks()
    loss, term = loss_of(RKD(distance_weight=2.0, angle_weight=3.0), nets)
    own, other = (answer.features[-1].mean(dim=(2, 3)) for answer in outputs(nets))
    torch.testing.assert_close(loss, rkd_loss(own, other, 2.0, 3.0))
    assert not list(term.parameters())


def test_defaults_are_the_published_ones():
    assert (RKD().weight, RKD().distance_weight, RKD().angle_weight) == (1.0, 25.0, 50.0)
    assert set(space(RKD())) == {"weight", "angle_weight"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": -1.0}, "^weight must be at least 0, got -1.0"),
        ({"distance_weight": -1.0}, "distance_weight must be at least 0, got -1.0"),
        ({"angle_weight": -1.0}, "angle_weight must be at least 0, got -1.0"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        RKD(**values)
