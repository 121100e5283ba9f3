import dataclasses
import json
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from raykd.distributed.gather import whole_batch
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.infoflow import DIVERGENCES, KERNELS, InfoFlow, layer_weights, transfer_loss
from raykd.models.staged import Outputs
from raykd.space.ranges import space
from references import infoflow as reference
from tiny import TinyNet, TinyRoute, assert_same_value_and_gradient, batch, clock, context, network, random, shapes

TEACHER = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], dtype=torch.float64)
STUDENT = torch.tensor([[1, 0], [0, 1], [1, 2], [1, 1]], dtype=torch.float64)
FORMS = [(kernel, divergence) for kernel in KERNELS for divergence in DIVERGENCES]
TINY_AUXILIARY = Auxiliary(model=TinyNet(widths=(8, 12)), pretrain_epochs=3, epochs=3, batch_size=8)


@pytest.mark.parametrize(
    ("kernel", "divergence", "expected"),
    [
        ("cosine", "jeffreys", 0.0155437135),
        ("student_t", "jeffreys", 0.0029202478),
        ("combined", "jeffreys", 0.0184639613),
        ("cosine", "kl", 0.0075128604),
    ],
)
def test_golden(kernel, divergence, expected):
    assert transfer_loss(STUDENT, TEACHER, kernel, divergence).item() == pytest.approx(expected, abs=1e-10)


def test_golden_in_the_other_direction():
    assert transfer_loss(TEACHER, STUDENT, "cosine", "kl").item() == pytest.approx(0.0080308800, abs=1e-10)


@pytest.mark.parametrize(("kernel", "divergence"), FORMS)
def test_agrees_with_the_authors_code(kernel, divergence):
    teacher = random(6, 5, seed=1)
    assert_same_value_and_gradient(
        lambda student: transfer_loss(student, teacher, kernel, divergence),
        lambda student: reference.transfer_loss(student, teacher, kernel, divergence),
        [random(6, 3, grad=True)],
    )


@pytest.mark.parametrize(("kernel", "divergence"), FORMS)
def test_is_zero_for_rotated_and_padded_features_and_positive_for_others(kernel, divergence):
    teacher = random(6, 4)
    rotation = torch.linalg.qr(random(4, 4, seed=1)).Q
    padded = torch.cat([teacher, torch.zeros(6, 3, dtype=torch.float64)], dim=1)
    for student in (teacher, teacher @ rotation, padded):
        assert transfer_loss(student, teacher, kernel, divergence).item() == pytest.approx(0.0, abs=1e-12)
    assert transfer_loss(random(6, 4, seed=2), teacher, kernel, divergence).item() > 1e-4


def test_only_the_cosine_kernel_ignores_the_scale():
    assert transfer_loss(7 * TEACHER, TEACHER, "cosine").item() == pytest.approx(0.0, abs=1e-10)
    assert transfer_loss(7 * TEACHER, TEACHER, "student_t").item() == pytest.approx(0.123, abs=1e-3)


def test_jeffreys_is_symmetric_and_kl_is_not():
    assert transfer_loss(STUDENT, TEACHER).item() == pytest.approx(transfer_loss(TEACHER, STUDENT).item())
    one, other = (transfer_loss(*pair, divergence="kl").item() for pair in ((STUDENT, TEACHER), (TEACHER, STUDENT)))
    assert abs(one - other) > 1e-4


def test_ignores_the_order_of_the_batch():
    order = [2, 0, 3, 1]
    assert transfer_loss(STUDENT[order], TEACHER[order]).item() == pytest.approx(transfer_loss(STUDENT, TEACHER).item())


@pytest.mark.parametrize(("kernel", "divergence"), FORMS)
def test_one_image_has_no_neighbours_to_learn_from(kernel, divergence):
    student = random(1, 4, grad=True)
    loss = transfer_loss(student, random(1, 3), kernel, divergence)
    loss.backward()
    assert loss.item() == 0.0
    torch.testing.assert_close(student.grad, torch.zeros_like(student), rtol=0, atol=1e-20)


@pytest.mark.parametrize(("kernel", "divergence"), FORMS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_dead_equal_and_opposite_rows_leave_gradients_finite(kernel, divergence, scale):
    student = scale * random(7, 5).float()
    student[1] = student[2] = 0.0
    student[4] = student[3]
    student[5] = -student[3]
    student.requires_grad_()
    loss = transfer_loss(student, random(7, 9, seed=1).float(), kernel, divergence)
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()
    assert kernel != "cosine" or not student.grad[1].any()  # a dead row has no direction to turn


@pytest.mark.parametrize("duplicate", [False, True])
def test_gradients_in_single_precision_are_those_in_double(duplicate):
    # far from 0 as after a ReLU; the distance of each row to itself, or to its double, must not add noise
    student, teacher = 5 + random(16, 64).abs(), random(16, 8, seed=1)
    if duplicate:
        student[3] = student[11]
    gradients = []
    for dtype in (torch.float32, torch.float64):
        own = student.to(dtype).requires_grad_()
        transfer_loss(own, teacher.to(dtype), "student_t").backward()
        gradients.append(own.grad.double())
    assert (gradients[0] - gradients[1]).norm() < 1e-3 * gradients[1].norm()


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8])
def test_few_channels_lose_nothing_to_images_that_lie_near_each_other(channels):
    gradients = []
    for dtype in (torch.float32, torch.float64):
        own = random(64, channels).abs().to(dtype).requires_grad_()
        if dtype == torch.float32:
            transfer_loss(own, random(64, 8, seed=1).to(dtype), "student_t").backward()
        else:
            distances = ((own[:, None] - own).square().sum(dim=2) + 1e-6).sqrt()
            teacher = random(64, 8, seed=1)
            others = ((teacher[:, None] - teacher).square().sum(dim=2) + 1e-6).sqrt()
            kernels = (1 / (1 + distances), 1 / (1 + others))
            mine, theirs = (kernel / kernel.sum(dim=1, keepdim=True) for kernel in kernels)
            ((theirs - mine) * (theirs.log() - mine.log())).mean().backward()
        gradients.append(own.grad.double())
    assert (gradients[0] - gradients[1]).norm() < 1e-4 * gradients[1].norm()


def test_of_opposite_features_kl_is_as_the_authors_have_it():
    """Also where a pair is on the way to be exactly opposite."""
    teacher, opposite = random(4, 3, seed=1), random(4, 3)
    opposite[1] = -opposite[0] + 1e-5 * opposite[2]
    assert_same_value_and_gradient(
        lambda student: transfer_loss(student, teacher, "cosine", "kl"),
        lambda student: reference.transfer_loss(student, teacher, "cosine", "kl"),
        [opposite.requires_grad_()],
    )


def test_computes_in_single_precision_whatever_autocast_says():
    student, teacher = random(8, 16).float(), random(8, 12, seed=1).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = transfer_loss(student, teacher)
    assert torch.equal(found, transfer_loss(student, teacher))


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(4, 3, grad=True), random(4, 3, seed=1, grad=True)
    transfer_loss(student, teacher).backward()
    assert teacher.grad is None


def test_names_the_choices():
    with pytest.raises(ValueError, match="unknown kernel 'rbf'; choices: combined, cosine, student_t"):
        transfer_loss(STUDENT, TEACHER, kernel="rbf")
    with pytest.raises(ValueError, match="unknown divergence 'abs'; choices: jeffreys, kl"):
        transfer_loss(STUDENT, TEACHER, divergence="abs")


# the critical period


@pytest.mark.parametrize(("epoch", "weight"), [(0, 100.0), (1, 70.0), (5, 16.807), (10, 2.8248), (13, 0.9689)])
def test_layer_weights_of_fifty_epochs_are_the_published_ones(epoch, weight):
    assert layer_weights(epoch, 4) == pytest.approx((weight, weight, weight, 1.0), abs=1e-4)


@pytest.mark.parametrize("epochs", [5, 50, 240])
def test_layer_weights_agree_with_the_reference(epochs):
    for epoch in (0, 1, 4):
        expected = reference.layer_weights(epoch, 3, 30.0, 0.8, epochs)
        assert layer_weights(epoch, 3, 30.0, 0.8, epochs) == pytest.approx(expected)


def test_the_critical_period_is_the_same_share_of_every_run():
    assert layer_weights(100, 3, epochs=500) == pytest.approx(layer_weights(10, 3, epochs=50))


# the term


def build(folder, spec=None, nets=None, route=None) -> Any:
    return (spec or InfoFlow()).build(shapes(*(nets or (network(0), network(1)))), context(folder, route))


def outputs(*nets) -> Any:
    return tuple(net(batch().images) for net in nets)


def mean_places(features):
    return features.mean(dim=(2, 3))


def test_all_stages_are_pooled_and_matched_with_the_teachers(tmp_path):
    student, teacher = outputs(network(0), network(1, widths=(5, 8)))
    term = build(tmp_path)
    pairs = zip(student.features, teacher.features, strict=True)
    early, last = (transfer_loss(mean_places(own), mean_places(other)) for own, other in pairs)
    torch.testing.assert_close(term(student, teacher, batch(), clock(epoch=1)), 70 * early + last)
    assert not term.state_dict()


def test_the_weight_is_the_last_stages_alone(tmp_path):
    student, teacher = outputs(network(0), network(1, widths=(5, 8)))
    early, last = (
        transfer_loss(mean_places(own), mean_places(other))
        for own, other in zip(student.features, teacher.features, strict=True)
    )
    for weight in (0.5, 1.0, 500.0):
        found = weight * build(tmp_path, InfoFlow(weight=weight, initial=30.0))(student, teacher, batch(), clock())
        torch.testing.assert_close(found, 30 * early + weight * last)


def test_without_the_critical_period_the_last_stage_alone_is_transferred(tmp_path):
    student, teacher = outputs(network(0), network(1))
    term = build(tmp_path, InfoFlow(initial=0.0, kernel="cosine", divergence="kl"))
    own, other = (mean_places(each.features[-1]) for each in (student, teacher))
    expected = transfer_loss(own, other, "cosine", "kl")
    assert torch.equal(term(student, teacher, batch(), clock()), expected)


def test_the_classifier_gets_no_gradient(tmp_path):
    nets = network(0), network(1)
    build(tmp_path)(*outputs(*nets), batch(), clock()).backward()
    assert nets[0].network["head"][1].weight.grad is None
    assert nets[0].network["stem"].weight.grad.abs().sum() > 0


def test_flat_stages_are_taken_as_they_are(tmp_path):
    nets = network(0, embedding=5), network(1, embedding=7)
    term = build(tmp_path, InfoFlow(initial=0.0), nets)
    student, teacher = outputs(*nets)
    expected = transfer_loss(student.features[-1], teacher.features[-1])
    assert torch.equal(term(student, teacher, batch(), clock()), expected)


# the auxiliary teacher


def test_an_auxiliary_is_made_once_and_does_not_depend_on_other_draws(tmp_path):
    route, spec = TinyRoute(), InfoFlow(auxiliary=TINY_AUXILIARY)
    student = network(0)(batch().images)
    losses = []
    for store, seed in (("one", 0), ("one", 1), ("two", 2)):
        torch.manual_seed(seed)
        losses.append(build(tmp_path / store, spec, route=route)(student, None, batch(), clock()))
        drawn = torch.rand(())
        torch.manual_seed(seed)
        assert torch.equal(drawn, torch.rand(()))  # nor do others depend on its making
    assert route.asked == [3, 3]  # the final checkpoint, once a store
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(losses[0], losses[2])


def test_the_auxiliary_keeps_a_record_and_learns_in_both_stages(tmp_path):
    longer = dataclasses.replace(TINY_AUXILIARY, pretrain_epochs=15, epochs=15, lr=0.01)
    build(tmp_path, InfoFlow(auxiliary=longer))
    (file,) = tmp_path.glob("auxiliary/*/record.json")
    record = json.loads(file.read_text())
    assert 0.0 <= record["accuracy"] <= 1.0
    assert len(record["pretrain_loss"]) == len(record["transfer_loss"]) == 15
    for losses in (record["pretrain_loss"], record["transfer_loss"]):
        assert losses[-1] < 0.95 * losses[0]


def test_stages_are_matched_with_the_auxiliarys_flattened_and_it_stays_as_it_is(tmp_path):
    student, term = network(0)(batch().images), build(tmp_path, InfoFlow(auxiliary=TINY_AUXILIARY))
    term.train()
    (auxiliary,) = term._auxiliary
    state = {name: value.clone() for name, value in auxiliary.state_dict().items()}
    with torch.no_grad():
        answers = auxiliary(batch().images)
    early, last = (
        transfer_loss(own.flatten(1), other.flatten(1))
        for own, other in zip(student.features, answers.features, strict=True)
    )
    loss = term(student, None, batch(), clock())
    loss.backward()
    torch.testing.assert_close(loss, 100 * early + last)
    assert all(torch.equal(value, state[name]) for name, value in auxiliary.state_dict().items())
    assert not auxiliary.training
    assert not term.state_dict()
    assert not list(term.parameters())


def test_an_auxiliary_answers_in_the_teachers_place():
    assert InfoFlow().needs_teacher
    assert not InfoFlow(auxiliary=TINY_AUXILIARY).needs_teacher


# several processes


def loss_and_gradient_of_share(rank: int, gather: bool = True):
    """One of two processes' loss, with every second of six images, and the gradient of its student's features."""
    own, other = random(6, 5)[rank::2].requires_grad_(), random(6, 4, seed=1)[rank::2]
    term = build("no artefact is made", InfoFlow(gather=gather))
    student, teacher = (Outputs(torch.zeros(3, 3), (features,)) for features in (own, other))
    loss = term(student, teacher, batch(3), clock())
    return loss, torch.autograd.grad(loss, own)[0]


def assert_processes_compare_all_images(rank: int) -> None:
    loss, gradient = loss_and_gradient_of_share(rank)
    whole = random(6, 5, grad=True)
    expected = transfer_loss(whole, random(6, 4, seed=1))
    torch.testing.assert_close(loss, expected)
    everyones = torch.autograd.grad(expected, whole)[0]
    torch.testing.assert_close(gradient / 2, everyones[rank::2])  # DDP takes the mean over two processes


@pytest.mark.parametrize("rank", [0, 1])
def test_each_of_two_processes_learns_what_one_with_the_whole_batch_does(monkeypatch, rank):
    def all_gather(parts, own, group):
        whole = random(6, 5) if own.shape[1] == 5 else random(6, 4, seed=1)
        assert torch.equal(own, whole[rank::2])
        for other, part in enumerate(parts):
            part.copy_(whole[other::2])

    for name, answer in {"is_initialized": True, "get_world_size": 2, "get_rank": rank}.items():
        monkeypatch.setattr(dist, name, lambda answer=answer: answer)
    monkeypatch.setattr(dist, "all_gather", all_gather)
    # the order of the gathered images differs from that of the whole batch, which changes nothing
    assert_processes_compare_all_images(rank)
    local = transfer_loss(random(6, 5)[rank::2], random(6, 4, seed=1)[rank::2])
    torch.testing.assert_close(loss_and_gradient_of_share(rank, gather=False)[0], local)


def run_process(rank: int, file: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    assert_processes_compare_all_images(rank)
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_live_processes_learn_what_one_with_the_whole_batch_does(tmp_path):
    spawn(run_process, (str(tmp_path / "rendezvous"),), nprocs=2)


def test_gathering_keeps_values_exactly(monkeypatch):
    for name, answer in {"is_initialized": True, "get_world_size": 3, "get_rank": 1}.items():
        monkeypatch.setattr(dist, name, lambda answer=answer: answer)
    monkeypatch.setattr(dist, "all_gather", lambda parts, own, group: [part.copy_(own) for part in parts])
    features = random(2, 4).float()
    assert torch.equal(whole_batch(features), features.repeat(3, 1))


# the spec


def test_searches_all_but_the_auxiliary():
    expected = {"weight", "initial", "decay", "kernel", "divergence"}
    assert set(space(InfoFlow(auxiliary=TINY_AUXILIARY))) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"initial": -1.0}, "initial must be at least 0, got -1.0"),
        ({"decay": 1.5}, "decay must be above 0 and at most 1, got 1.5"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        InfoFlow(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [({"epochs": 0}, "epochs must be at least 1, got 0"), ({"lr": 0.0}, "lr must be above 0, got 0.0")],
)
def test_auxiliary_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        Auxiliary(model=TinyNet(), **values)


@pytest.mark.parametrize(
    ("auxiliary", "student", "teacher", "message"),
    [
        (None, network(), network(embedding=4), "student and teacher need equally many stages, got 2 and 3"),
        (
            TINY_AUXILIARY,
            network(embedding=4),
            network(),
            "student and auxiliary need .* stages, got 3 and 2",
        ),
        (Auxiliary(model=TinyNet(), batch_size=99), network(), network(), "99 is more than the 24 training images"),
    ],
)
def test_check_refuses(auxiliary, student, teacher, message):
    with pytest.raises(ValueError, match=message):
        InfoFlow(auxiliary=auxiliary).check(shapes(student, teacher))


def test_check_asks_for_a_teacher():
    known = dataclasses.replace(shapes(network(), network()), teacher=())
    with pytest.raises(ValueError, match="needs features of the teacher"):
        InfoFlow(auxiliary=TINY_AUXILIARY).check(known)


def test_check_leaves_the_generator_alone_and_accepts_an_auxiliary_of_other_make_than_the_teacher():
    torch.manual_seed(0)
    InfoFlow(auxiliary=TINY_AUXILIARY).check(shapes(network(), network(embedding=4)))
    drawn = torch.rand(())
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(()))
