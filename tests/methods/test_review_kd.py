import pytest
import torch
from torch.nn import functional as F

from raykd.methods.review_kd import ReviewKD, hcl_loss
from raykd.space.ranges import space
from references import review_kd as reference
from terms import build, loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, random, shapes


def test_golden():
    # a difference of 4 at one of 2 x 2 places: 16 / 4 as it is, and 1 squared when averaged to a single place
    student = torch.tensor([[[[4.0, 0.0], [0.0, 0.0]]]])
    assert hcl_loss(student, torch.zeros(1, 1, 2, 2)).item() == pytest.approx((4.0 + 0.5 * 1.0) / 1.5)
    assert hcl_loss(torch.full((1, 1, 1, 1), 3.0), torch.zeros(1, 1, 1, 1)).item() == 9.0


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 6, 8])
def test_agrees_with_the_paper(side: int):
    teacher = random(2, 3, side, side, seed=1)
    assert_same_value_and_gradient(
        lambda student: hcl_loss(student, teacher),
        lambda student: reference.hcl_loss(student, teacher),
        [random(2, 3, side, side, grad=True)],
    )


def test_a_constant_difference_costs_the_same_at_every_level():
    teacher = random(2, 3, 8, 8)
    assert hcl_loss(teacher + 2.0, teacher).item() == pytest.approx(4.0)
    assert hcl_loss(teacher, teacher).item() == 0.0


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(2, 3, 4, 4, grad=True), random(2, 3, 4, 4, seed=1, grad=True)
    hcl_loss(student, teacher).backward()
    assert teacher.grad is None and student.grad.abs().sum() > 0


# the term


def reviewed(term, student, teacher):
    """The term's loss in its last epochs, one fusion after the other, written out for two stages of 4 x 4 and 2 x 2."""
    first, second, last = term.fusions
    pools = [answer.features[1].mean(dim=(2, 3), keepdim=True) for answer in (student, teacher)]
    deepest = last.narrow(pools[0])
    loss = F.mse_loss(last.regress(deepest), pools[1])
    before = deepest
    for fusion, index, scale in ((second, 1, 2), (first, 0, 2)):
        own = fusion.narrow(student.features[index])
        before = before.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
        shares = torch.sigmoid(F.conv2d(torch.cat([own, before], dim=1), fusion.share[0].weight, fusion.share[0].bias))
        before = shares[:, 0:1] * own + shares[:, 1:2] * before
        loss = loss + hcl_loss(fusion.regress(before), teacher.before_relu[index])
    return loss


def test_reviews_from_the_pooled_stage_to_the_first():
    nets = networks()
    loss, term = loss_of(ReviewKD(), nets, epoch=49)
    torch.testing.assert_close(loss, reviewed(term, *outputs(nets)))


def test_the_modules_are_the_published_ones():
    term = build(ReviewKD(), networks())
    narrow = [tuple(fusion.narrow[0].weight.shape) for fusion in term.fusions]
    regress = [tuple(fusion.regress[0].weight.shape) for fusion in term.fusions]
    assert narrow == [(6, 4, 1, 1), (6, 6, 1, 1), (6, 6, 1, 1)]  # as many channels as the student's last stage
    assert regress == [(5, 6, 3, 3), (8, 6, 3, 3), (8, 6, 3, 3)]
    assert [fusion.share is None for fusion in term.fusions] == [False, False, True]
    assert all(tuple(fusion.share[0].weight.shape) == (2, 12, 1, 1) for fusion in term.fusions[:2])
    assert all(layer[0].bias is None for fusion in term.fusions for layer in (fusion.narrow, fusion.regress))


def test_fusions_have_512_channels_at_most():
    term = build(ReviewKD(), networks(student={"widths": (4, 520)}))
    assert [fusion.narrow[0].out_channels for fusion in term.fusions] == [512, 512, 512]


def test_the_most_channels_of_a_fusion_are_an_option():
    term = build(ReviewKD(max_channels=5), networks())
    assert [fusion.narrow[0].out_channels for fusion in term.fusions] == [5, 5, 5]


@pytest.mark.parametrize("strides", [(1, 2), (4, 2), (1, 1), (8, 1)])
def test_fusions_are_brought_to_the_teachers_size(strides: tuple[int, int]):
    nets = networks(teacher={"strides": strides})
    loss, term = loss_of(ReviewKD(), nets, epoch=49)
    loss.backward()
    assert loss.isfinite() and all(parameter.grad is not None for parameter in term.parameters())


def test_flat_stages_are_maps_of_one_place():
    loss, _ = loss_of(ReviewKD(), networks(student={"embedding": 7}, teacher={"embedding": 9}), epoch=49)
    assert loss.isfinite()


def test_the_loss_is_ramped_up_over_a_twelfth_of_the_run():
    nets = networks()
    losses = []
    for epoch in (0, 9, 19, 20, 239):
        torch.manual_seed(0)
        losses.append(loss_of(ReviewKD(), nets, epoch=epoch, epochs=240)[0].item())
    assert [loss / losses[-1] for loss in losses] == pytest.approx([1 / 20, 10 / 20, 1.0, 1.0, 1.0])


def test_pairs_choose_stages_of_unlike_networks():
    nets = networks(teacher={"widths": (4, 6, 8), "strides": (1, 2, 2)})
    term = build(ReviewKD(pairs=((0, 0), (1, 2))), nets)
    assert [fusion.regress[0].out_channels for fusion in term.fusions] == [4, 8, 8]
    with pytest.raises(ValueError, match="equally many stages, got 2 and 3"):
        ReviewKD().check(shapes(*nets))


def test_defaults_are_the_published_ones():
    assert (ReviewKD().weight, ReviewKD().warm_up) == (5.0, 20 / 240)
    assert set(space(ReviewKD())) == {"weight"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"warm_up": 1.5}, "warm_up must be within 0 and 1, got 1.5"),
        ({"max_channels": 0}, "max_channels must be at least 1, got 0"),
    ],
)
def test_refuses(values: dict, message: str):
    with pytest.raises(ValueError, match=message):
        ReviewKD(**values)
