import pytest
import torch

from raykd.methods.attention import Attention, attention_loss
from raykd.space.ranges import space
from references import attention as reference
from terms import loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, random, shapes


def maps(*values: float) -> torch.Tensor:
    """One image, one channel, one row."""
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1)


def test_golden():
    # attention (3, 4, 0, 0) / 5 against (1, 0, 0, 0): (0.4^2 + 0.8^2) / 4
    assert attention_loss(maps(3, 4, 0, 0), maps(1, 0, 0, 0), power=1).item() == pytest.approx(0.2)
    assert attention_loss(maps(3**0.5, -2, 0, 0), maps(7, 0, 0, 0)).item() == pytest.approx(0.2)


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize(("own", "other"), [((4, 4), (4, 4)), ((4, 4), (2, 2)), ((2, 3), (5, 3))])
def test_agrees_with_the_paper(power, own, other):
    teacher = random(3, 5, *other, seed=1)
    assert_same_value_and_gradient(
        lambda student: attention_loss(student, teacher, power),
        lambda student: reference.attention_loss(student, teacher, power),
        [random(3, 4, *own, grad=True)],
    )


def test_ignores_scale_sign_and_the_number_and_order_of_channels():
    teacher = random(3, 4, 2, 2)
    for student in (teacher, -7 * teacher, teacher[:, [2, 0, 3, 1]], teacher.repeat(1, 3, 1, 1), teacher[:1]):
        assert attention_loss(student, teacher[: len(student)]).item() == pytest.approx(0.0, abs=1e-20)
    assert attention_loss(random(3, 4, 2, 2, seed=1), teacher).item() > 1e-3


def test_a_map_of_one_place_says_nothing():
    assert attention_loss(random(3, 4, 1, 1), random(3, 5, 1, 1, seed=1)).item() == pytest.approx(0.0, abs=1e-20)


@pytest.mark.parametrize("power", [1, 2])
def test_an_image_without_activation_passes_no_gradient_and_spoils_no_other(power):
    student, teacher = random(3, 4, 2, 2), random(3, 4, 2, 2, seed=1)
    student[1] = 0.0
    student.requires_grad_()
    attention_loss(student, teacher, power).backward()
    assert student.grad[1].abs().sum() == 0
    assert student.grad.isfinite().all() and student.grad[0].abs().sum() > 0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(2, 3, 2, 2, grad=True), random(2, 3, 2, 2, seed=1, grad=True)
    attention_loss(student, teacher).backward()
    assert teacher.grad is None


def test_large_half_precision_activations_do_not_overflow():
    student, teacher = (200.0 * random(2, 3, 2, 2, seed=seed) for seed in (0, 1))
    found = attention_loss(student.half(), teacher.half(), power=4)
    torch.testing.assert_close(found.double(), attention_loss(student, teacher, power=4), rtol=1e-2, atol=0)


# the term


def test_adds_up_all_stages():
    nets = networks()
    loss, term = loss_of(Attention(), nets)
    pairs = zip(*(answer.features for answer in outputs(nets)), strict=True)
    torch.testing.assert_close(loss, sum(attention_loss(own, other) for own, other in pairs))
    assert not list(term.parameters())


def test_pairs_choose_stages_of_unlike_networks():
    nets = networks(teacher={"widths": (4, 6, 8), "strides": (1, 2, 2)})
    loss, _ = loss_of(Attention(power=1, pairs=((0, 1), (1, -1))), nets)
    student, teacher = (answer.features for answer in outputs(nets))
    expected = attention_loss(student[0], teacher[1], 1) + attention_loss(student[1], teacher[2], 1)
    torch.testing.assert_close(loss, expected)
    with pytest.raises(ValueError, match="equally many stages, got 2 and 3"):
        Attention().check(shapes(*nets))


def test_defaults_are_the_published_ones():
    assert (Attention().weight, Attention().power) == (1000.0, 2)
    assert set(space(Attention())) == {"weight"}


@pytest.mark.parametrize(
    ("values", "message"),
    [({"weight": -1.0}, "weight must be at least 0, got -1.0"), ({"power": 0}, "power must be at least 1, got 0")],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        Attention(**values)
