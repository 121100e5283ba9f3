import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from raykd.methods.common.moments import find_moments
from raykd.methods.ofd import OFD, channel_margins, ofd_loss
from raykd.models.staged import Staged
from raykd.space.ranges import space
from references import ofd as reference
from terms import build, networks, outputs
from tiny import TinyRoute, assert_same_value_and_gradient, batch, clock, context, random, shapes


def maps(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


def test_golden():
    margin = torch.tensor([-1.0])
    assert ofd_loss(maps(1.0), maps(3.0), margin).item() == 4.0  # the teacher is above 0
    assert ofd_loss(maps(5.0), maps(3.0), margin).item() == 4.0
    assert ofd_loss(maps(1.0), maps(-0.5), margin).item() == 1.5**2  # below 0, above the margin: held down to it
    assert ofd_loss(maps(1.0), maps(-4.0), margin).item() == 4.0  # below the margin: held down to the margin
    assert ofd_loss(maps(-0.7), maps(-0.5), margin).item() == 0.0  # low enough
    assert ofd_loss(maps(-9.0), maps(-4.0), margin).item() == 0.0
    assert ofd_loss(maps(1.0, 1.0), maps(3.0, -0.5), margin).item() == 4.0 + 1.5**2  # a sum over places


def test_agrees_with_the_paper():
    teacher, margin = random(3, 4, 3, 2, seed=1), -random(4, seed=2).abs()
    assert_same_value_and_gradient(
        lambda student: ofd_loss(student, teacher, margin),
        lambda student: reference.ofd_loss(student, teacher, margin),
        [random(3, 4, 3, 2, grad=True)],
    )


def test_the_margin_of_a_standard_normal_channel():
    # half of it is below 0, with the mean -sqrt(2 / pi)
    margins = channel_margins(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 2.0]))
    assert margins.tolist() == pytest.approx([-math.sqrt(2 / math.pi), -2 * math.sqrt(2 / math.pi)])


def test_margins_agree_with_the_density_added_up():
    mean, std = torch.tensor([-3.0, -0.5, 0.0, 1.0, 2.9], dtype=torch.float64), torch.full((5,), 1.0).double()
    expected = [reference.channel_margin(*pair).item() for pair in zip(mean, std, strict=True)]
    assert channel_margins(mean, std).tolist() == pytest.approx(expected, rel=1e-6)


def test_margins_of_channels_that_are_hardly_below_zero_or_do_not_move():
    margins = channel_margins(torch.tensor([4.0, 4.0, -2.0, 0.0]), torch.tensor([1.0, 0.0, 0.0, 0.0]))
    assert margins.tolist() == pytest.approx([-3.0, 0.0, -2.0, 0.0], abs=1e-30)


def test_a_normalisations_scale_may_be_negative():
    mean = torch.tensor([0.3])
    assert torch.equal(channel_margins(mean, torch.tensor([-2.0])), channel_margins(mean, torch.tensor([2.0])))


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(2, 3, 2, 2, grad=True), random(2, 3, 2, 2, seed=1, grad=True)
    ofd_loss(student, teacher, -torch.ones(3).double()).backward()
    assert teacher.grad is None and student.grad.abs().sum() > 0


# moments


def test_moments_are_those_of_all_training_images_before_the_relu(tmp_path: Path):
    found = context(tmp_path)
    moments = find_moments(found, 2)
    (whole,) = found.dataset.plain(found.dataset.train)
    before = TinyRoute().network(2)(whole.images).before_relu
    assert len(moments) == len(before) == 2
    for (mean, std, least), values in zip(moments, before, strict=True):
        channels = values.transpose(0, 1).flatten(1)
        torch.testing.assert_close(mean, channels.mean(dim=1))
        torch.testing.assert_close(std, channels.std(dim=1, correction=0))
        torch.testing.assert_close(least, channels.amin(dim=1))


def test_moments_are_made_once_for_each_checkpoint(tmp_path: Path):
    route = TinyRoute()
    found = context(tmp_path, route)
    first = find_moments(found, 2)
    assert all(torch.equal(a, b) for a, b in zip(first[0], find_moments(found, 2)[0], strict=True))
    assert route.asked == [2]
    assert not torch.equal(first[0].mean, find_moments(found, 3)[0].mean)


# the term


def test_adds_up_the_stages_with_the_followed_checkpoints_margins(tmp_path: Path):
    nets, found = networks(), context(tmp_path)
    torch.manual_seed(0)
    term: Any = OFD().build(shapes(*nets), found)
    term.follow(2)
    student, teacher = (answer.before_relu for answer in outputs(nets))
    expected = [
        ofd_loss(regressor(own), other, channel_margins(moments.mean, moments.std))
        for regressor, own, other, moments in zip(
            term.regressors, student, teacher, find_moments(found, 2), strict=True
        )
    ]
    torch.testing.assert_close(term(*outputs(nets), batch(), clock()), expected[0] / 2 + expected[1])


def test_the_regressor_is_the_published_one():
    term = build(OFD(), networks())
    first, second = ([tuple(layer.shape) for layer in regressor.parameters()] for regressor in term.regressors)
    assert first == [(5, 4, 1, 1), (5,), (5,)]
    assert second == [(8, 6, 1, 1), (8,), (8,)]
    assert all(isinstance(regressor[1], nn.BatchNorm2d) for regressor in term.regressors)


def test_margins_are_an_artefact_and_not_saved():
    assert not any("margin" in name for name in build(OFD(), networks()).state_dict())


def test_all_of_it_is_trained_before_the_students_relu(tmp_path: Path):
    nets = networks()
    term = OFD().build(shapes(*nets), context(tmp_path))
    term.follow(1)
    student, teacher = outputs(nets)
    loss = term(student, teacher, batch(), clock())
    gradient = torch.autograd.grad(loss, student.before_relu[-1], retain_graph=True)[0]
    assert (gradient != 0)[student.before_relu[-1] < 0].any()
    loss.backward()
    assert all(parameter.grad is not None for parameter in term.parameters())


@pytest.mark.parametrize("strides", [(1, 2), (4, 1)])
def test_the_larger_map_is_averaged(strides: tuple[int, int]):
    nets = networks(teacher={"strides": strides})
    assert build(OFD(), nets)(*outputs(nets), batch(), clock()).isfinite()


def test_pairs_choose_stages_of_unlike_networks():
    nets = networks(teacher={"widths": (4, 6, 8), "strides": (1, 2, 2)})
    term = build(OFD(pairs=((1, 2),)), nets)
    assert [regressor.margin.shape for regressor in term.regressors] == [(8,)]
    with pytest.raises(ValueError, match="equally many stages, got 2 and 3"):
        OFD().check(shapes(*nets))


def test_a_stage_without_a_negative_side_is_told_of(tmp_path: Path):
    class Positive(TinyRoute):
        def network(self, checkpoint: int) -> Staged:
            plain = super().network(checkpoint).network
            return Staged(plain, stem="stem", stages=("stage1", ("stage2", nn.Identity())), head="head")

    said: list[str] = []
    nets = networks()
    term = OFD().build(shapes(*nets), context(tmp_path, Positive(), said.append))
    term.follow(1)
    assert [line for line in said if line.startswith("ofd")] == [
        "ofd: stage 1 of the teacher is nowhere below 0, which leaves it no margin"
    ]


def test_defaults_are_the_published_ones():
    assert OFD().weight == 1e-3
    assert set(space(OFD())) == {"weight"}


def test_refuses_a_negative_weight():
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -1\.0"):
        OFD(weight=-1.0)
