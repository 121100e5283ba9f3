import pytest
import torch

from raykd.methods.common.first_stage import FirstStage
from raykd.methods.common.warm_start import trunk
from raykd.methods.fsp import FSP, FSPStart, _StartFlows, fsp_loss, fsp_matrix
from raykd.space.ranges import space
from references import fsp as reference
from terms import build, loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, batch, network, random, shapes

TWIN = {"widths": (4, 6)}


def twins(**teacher):
    """Student and teacher of the same widths."""
    return networks(teacher=TWIN | teacher)


def test_golden():
    first = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]]]])  # two channels of 2 x 2
    second = torch.tensor([[[[2.0, 0.0], [0.0, 2.0]]]])  # one channel
    assert fsp_matrix(first, second).tolist() == [[[(1 * 2 + 4 * 2) / 4], [(2 + 2) / 4]]]
    small = torch.tensor([[[[6.0]]]])  # 6 times the mean of each channel
    assert fsp_matrix(first, small).tolist() == [[[6 * 2.5], [6.0]]]
    # the teacher's flow is 0: (2.5^2 + 1^2) / 2
    assert fsp_loss(first, second, torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, 1)).item() == (6.25 + 1.0) / 2


def test_the_flow_back_is_the_transpose():
    first, second = random(2, 3, 4, 4), random(2, 5, 2, 2, seed=1)
    assert fsp_matrix(first, second).shape == (2, 3, 5)
    torch.testing.assert_close(fsp_matrix(second, first), fsp_matrix(first, second).mT)


@pytest.mark.parametrize(
    ("own", "own_next", "other", "other_next"),
    [((4, 4), (4, 4), (4, 4), (4, 4)), ((4, 4), (2, 2), (8, 8), (4, 4)), ((2, 3), (5, 3), (3, 3), (1, 1))],
)
def test_agrees_with_the_paper(own, own_next, other, other_next):
    teacher = random(3, 4, *other, seed=1), random(3, 2, *other_next, seed=2)
    assert_same_value_and_gradient(
        lambda first, second: fsp_loss(first, second, *teacher),
        lambda first, second: reference.fsp_loss(first, second, *teacher),
        [random(3, 4, *own, grad=True), random(3, 2, *own_next, seed=3, grad=True)],
    )


def test_no_gradient_reaches_the_teacher():
    maps = [random(2, 3, 2, 2, seed=seed, grad=True) for seed in range(4)]
    fsp_loss(*maps).backward()
    assert [values.grad is None for values in maps] == [False, False, True, True]


def test_computes_in_single_precision_whatever_autocast_says():
    maps = [random(2, 3, 2, 2, seed=seed).float() for seed in range(4)]
    with torch.autocast("cpu", torch.bfloat16):
        found = fsp_loss(*maps)
    assert torch.equal(found, fsp_loss(*maps))


# the term


def test_the_term_adds_up_the_flows_of_neighbouring_stages():
    nets = networks({"widths": (4, 6, 5), "strides": (1, 2, 2)}, {"widths": (4, 6, 5), "strides": (2, 2, 1)})
    loss, term = loss_of(FSP(), nets)
    student, teacher = (answer.features for answer in outputs(nets))
    expected = sum(fsp_loss(*student[first : first + 2], *teacher[first : first + 2]) for first in range(2))
    torch.testing.assert_close(loss, expected)
    assert not term.state_dict()


def test_pairs_choose_the_stages():
    nets = networks({"widths": (4, 6)}, {"widths": (4, 5, 6), "strides": (1, 2, 2)})
    loss, _ = loss_of(FSP(pairs=((0, 0), (1, 2))), nets)
    student, teacher = (answer.features for answer in outputs(nets))
    torch.testing.assert_close(loss, fsp_loss(student[0], student[1], teacher[0], teacher[2]))


def test_only_the_stages_are_trained():
    nets = twins()
    loss, _ = loss_of(FSP(), nets)
    loss.backward()
    assert nets[0].network["stem"].weight.grad.abs().sum() > 0
    assert nets[0].network["head"][1].weight.grad is None


# the start's loss


def test_the_start_counts_the_stem_as_a_stage_before_the_first():
    nets = twins()
    trunks = [trunk(net, batch().images) for net in nets]
    student, teacher = ((outputs.stem, *outputs.features) for outputs in trunks)
    expected = sum(fsp_loss(*student[first : first + 2], *teacher[first : first + 2]) for first in range(2))
    torch.testing.assert_close(_StartFlows(((0, 0), (1, 1)))(*trunks), expected)
    last = fsp_loss(student[0], student[2], teacher[0], teacher[2])
    torch.testing.assert_close(_StartFlows(((-1, -1),))(*trunks), last)


# the specs


def test_defaults_are_the_published_ones():
    assert FSP().weight == 50.0
    assert (FSPStart().first_stage.epochs, FSPStart().first_stage.optimiser.lr) == (30, 0.05)
    assert set(space(FSP())) == {"weight"}
    assert not space(FSPStart())


def test_check_accepts_equal_widths():
    nets = twins(strides=(1, 1))
    build(FSP(), nets)
    FSPStart(first_stage=FirstStage(batch_size=8)).check(shapes(*nets))


@pytest.mark.parametrize(
    ("spec", "nets", "message"),
    [
        (FSP(), networks(), r"need equal widths, got \(4, 6\) and \(5, 8\) channels"),
        (FSPStart(), networks(), r"need equal widths, got \(3, 4, 6\) and \(3, 5, 8\) channels"),
        (FSPStart(), twins(stem=2), r"need equal widths, got \(3, 4, 6\) and \(2, 4, 6\) channels"),
        (FSP(), twins(embedding=4), "equally many stages, got 2 and 3"),
        (FSP(pairs=((1, 1),)), twins(), "a flow needs at least 2 stages, got 1"),
        (FSPStart(), twins(), "batch_size: 64 is more than the 24 training images"),
    ],
)
def test_check_refuses(spec, nets, message):
    with pytest.raises(ValueError, match=message):
        spec.check(shapes(*nets))


def test_refuses():
    with pytest.raises(ValueError, match=r"weight must be at least 0, got -1\.0"):
        FSP(weight=-1.0)


def test_flat_stages_are_maps_of_one_pixel():
    loss, _ = loss_of(FSP(), (network(0, embedding=5), network(1, embedding=5)))
    assert loss.isfinite()
