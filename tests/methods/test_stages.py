import pytest
import torch
import torch.distributed as dist

from raykd.distributed.gather import whole_batch
from raykd.methods.common.stages import check_stage, stage_pairs
from raykd.methods.dist import DIST, dist_loss
from raykd.methods.pkt import PKT, pkt_loss
from raykd.methods.rkd import RKD, rkd_loss
from raykd.methods.sp import SP, similarity_loss
from raykd.models.staged import Outputs
from raykd.ops.maps import as_map, map_size, same_size
from references import features as reference
from terms import build
from tiny import batch, clock, network, random, shapes

THREE_STAGES = {"widths": (4, 6, 8), "strides": (1, 2, 2)}


def test_the_larger_map_is_averaged_to_the_smaller():
    student = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    teacher = torch.tensor([[[[2.0]]]])
    own, other = same_size(student, teacher)
    assert own.flatten().tolist() == [4.0]
    assert other is teacher


@pytest.mark.parametrize(("student", "teacher"), [((4, 6), (2, 3)), ((3, 4), (7, 2)), ((5, 5), (5, 5))])
def test_sizes_meet_as_in_the_reference(student, teacher):
    maps = random(2, 3, *student), random(2, 4, *teacher, seed=1)
    found = same_size(*maps)
    for image in range(2):
        for got, expected in zip(found, reference.same_size(maps[0][image], maps[1][image]), strict=True):
            torch.testing.assert_close(got[image], expected)


def test_a_flat_output_is_a_map_of_one_place():
    assert as_map(random(2, 3)).shape == (2, 3, 1, 1)
    assert as_map(random(2, 3, 4, 5)).shape == (2, 3, 4, 5)
    assert map_size((3,)) == (1, 1)
    assert map_size((3, 4, 5)) == (4, 5)


def test_stages_are_paired_one_to_one_unless_told_otherwise():
    known = shapes(network(), network(1))
    assert stage_pairs((), known) == ((0, 0), (1, 1))
    assert stage_pairs(((0, 1), (-1, -1)), known) == ((0, 1), (-1, -1))


def test_unlike_networks_need_to_be_told():
    known = shapes(network(), network(1, **THREE_STAGES))
    with pytest.raises(ValueError, match=r"equally many stages, got 2 and 3; .* such as pairs=\(\(1, 2\),\)"):
        stage_pairs((), known)
    assert stage_pairs(((1, 2),), known) == ((1, 2),)
    with pytest.raises(ValueError, match=r"\(2, 2\) is not among the 2 stages of the student and 3 of the teacher"):
        stage_pairs(((2, 2),), known)


def test_a_stage_must_be_in_both_networks():
    known = shapes(network(), network(1, **THREE_STAGES))
    check_stage(-2, known)
    with pytest.raises(ValueError, match="stage 2 is not among the 2 stages of the student"):
        check_stage(2, known)


# several processes

STUDENT, TEACHER = random(6, 5), random(6, 4, seed=1)


@pytest.fixture(params=[0, 1])
def rank(monkeypatch, request):
    """One of two processes, each with every second of six images; both have called for the same features."""

    def all_gather(parts, own, group):
        whole = next(each for each in (STUDENT, TEACHER) if torch.equal(own, each[request.param :: 2]))
        for other, part in enumerate(parts):
            part.copy_(whole[other::2])

    for name, answer in {"is_initialized": True, "get_world_size": 2, "get_rank": request.param}.items():
        monkeypatch.setattr(dist, name, lambda answer=answer: answer)
    monkeypatch.setattr(dist, "all_gather", all_gather)
    return request.param


@pytest.mark.parametrize(
    ("spec", "function"),
    [(SP, similarity_loss), (RKD, rkd_loss), (PKT, pkt_loss)],
)
def test_each_of_two_processes_learns_what_one_with_the_whole_batch_does(rank, spec, function):
    share = STUDENT[rank::2].clone().requires_grad_()
    given = [Outputs(torch.zeros(3, 3), (torch.zeros(3, 1),) * 2 + (each,)) for each in (share, TEACHER[rank::2])]
    nets = network(embedding=5), network(embedding=4)
    loss = build(spec(), nets)(*given, batch(3), clock())
    whole = STUDENT.clone().requires_grad_()
    expected = function(whole, TEACHER)
    torch.testing.assert_close(loss, expected)
    gradient, everyones = torch.autograd.grad(loss, share)[0], torch.autograd.grad(expected, whole)[0]
    torch.testing.assert_close(gradient / 2, everyones[rank::2])  # DDP takes the mean over two processes
    local = build(spec(gather=False), nets)(*given, batch(3), clock())
    torch.testing.assert_close(local, function(share, TEACHER[rank::2]))


def test_relations_within_classes_are_those_of_the_whole_batch(rank):
    given = [Outputs(logits[rank::2], ()) for logits in (STUDENT[:, :4], TEACHER)]
    own = STUDENT[:, :4]

    def all_gather(parts, part, group):
        whole = next(each for each in (own, TEACHER) if torch.equal(part, each[rank::2]))
        for other, place in enumerate(parts):
            place.copy_(whole[other::2])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dist, "all_gather", all_gather)
        loss = build(DIST(), (network(), network(1)))(*given, batch(3), clock())
    torch.testing.assert_close(loss, dist_loss(own, TEACHER, 1.0, 1.0, 4.0))


def test_a_process_alone_keeps_its_own():
    assert whole_batch(STUDENT, gather=True) is STUDENT
