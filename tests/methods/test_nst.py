import pytest
import torch

from raykd.methods.nst import NST, nst_loss
from raykd.space.ranges import space
from references import nst as reference
from terms import loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, random, shapes


def channels(*rows: tuple[float, ...]) -> torch.Tensor:
    """One image whose channels are single rows of places."""
    return torch.tensor(rows, dtype=torch.float64)[None, :, None, :]


def test_golden():
    # channels that never fire together: 1 + 1 - 2 * 0
    assert nst_loss(channels((1, 0)), channels((0, 1))).item() == pytest.approx(2.0)
    # a channel of its own too many: means 1, (1 + 1 + 0 + 0) / 4 and (1 + 0) / 2
    assert nst_loss(channels((5, 0), (0, 2)), channels((3, 0))).item() == pytest.approx(1 + 0.5 - 2 * 0.5)


@pytest.mark.parametrize(
    ("num_channels", "own", "other"),
    [(4, (4, 4), (4, 4)), (4, (4, 4), (2, 2)), (9, (2, 3), (5, 3)), (2, (1, 3), (1, 3))],
)
def test_agrees_with_the_paper(num_channels, own, other):
    """Both with fewer channels than places and with more, which are computed in two ways."""
    teacher = random(3, 5, *other, seed=1)
    assert_same_value_and_gradient(
        lambda student: nst_loss(student, teacher),
        lambda student: reference.nst_loss(student, teacher),
        [random(3, num_channels, *own, grad=True)],
    )


@pytest.mark.parametrize("size", [(2, 2), (4, 4)])
def test_ignores_scale_sign_and_the_number_and_order_of_channels(size):
    teacher = random(3, 5, *size)
    scales = random(3, 5, 1, 1, seed=2)
    for student in (teacher, scales * teacher, teacher[:, [2, 0, 4, 3, 1]], teacher.repeat(1, 3, 1, 1), teacher[:1]):
        assert nst_loss(student, teacher[: len(student)]).item() == pytest.approx(0.0, abs=1e-12)
    assert nst_loss(random(3, 5, *size, seed=1), teacher).item() > 1e-3


@pytest.mark.parametrize("size", [(2, 2), (4, 4)])
def test_a_dead_channel_passes_no_gradient_and_spoils_no_other(size):
    student, teacher = random(3, 5, *size), random(3, 5, *size, seed=1)
    student[:, 1], teacher[:, 2] = 0.0, 0.0
    student.requires_grad_()
    nst_loss(student, teacher).backward()
    assert student.grad[:, 1].abs().sum() == 0
    assert student.grad.isfinite().all() and student.grad[:, 0].abs().sum() > 0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(2, 3, 2, 2, grad=True), random(2, 3, 2, 2, seed=1, grad=True)
    nst_loss(student, teacher).backward()
    assert teacher.grad is None


@pytest.mark.parametrize("size", [(2, 2), (4, 4)])
def test_computes_in_single_precision_whatever_autocast_says(size):
    student, teacher = random(3, 5, *size).float(), random(3, 5, *size, seed=1).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = nst_loss(student, teacher)
    torch.testing.assert_close(found.double(), nst_loss(student.double(), teacher.double()), rtol=1e-5, atol=0)


# the term


def test_adds_up_all_stages():
    nets = networks()
    loss, term = loss_of(NST(), nets)
    pairs = zip(*(answer.features for answer in outputs(nets)), strict=True)
    torch.testing.assert_close(loss, sum(nst_loss(own, other) for own, other in pairs))
    assert not list(term.parameters())


def test_pairs_choose_stages_of_unlike_networks():
    nets = networks(teacher={"widths": (4, 6, 8), "strides": (1, 2, 2)})
    loss, _ = loss_of(NST(pairs=((1, 2),)), nets)
    student, teacher = (answer.features for answer in outputs(nets))
    torch.testing.assert_close(loss, nst_loss(student[1], teacher[2]))
    with pytest.raises(ValueError, match="equally many stages, got 2 and 3"):
        NST().check(shapes(*nets))


def test_defaults_are_the_published_ones():
    assert NST().weight == 50.0
    assert set(space(NST())) == {"weight"}


def test_refuses():
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -1.0"):
        NST(weight=-1.0)
