import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from raykd.methods.common.negatives import Negatives
from raykd.methods.crd import CRD, crd_loss, exponentials
from raykd.space.ranges import space
from references import crd as reference
from terms import build, networks, outputs
from tiny import NUM_CLASSES, assert_same_value_and_gradient, batch, clock, dataset, random, shapes

SMALL = CRD(negatives=7, dimensions=5)


def test_golden():
    # all scores 1 / n, as on the average of the first step: the image is one of K + 1 alike, log(K + 1) for itself
    # and K log((K + 1) / K) for the negatives
    scores = torch.full((2, 1 + 4), 1 / 10)
    expected = math.log(5) + 4 * math.log(5 / 4)
    assert crd_loss(scores, scores, 10).item() == pytest.approx(2 * expected, rel=1e-5)


def test_the_published_setting_begins_at_about_21():
    scores = torch.full((1, 1 + 16384), 1 / 50000)
    assert crd_loss(scores, scores, 50000).item() == pytest.approx(2 * (math.log(16385) + 1), rel=1e-3)


def test_exponentials_golden():
    embeddings, bank = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    found = exponentials(embeddings, bank, torch.tensor([[0, 2, 1, 1]]), 0.5)
    assert found[0].tolist() == pytest.approx([math.exp(2), math.exp(-2), 1.0, 1.0])


def test_agrees_with_the_paper():
    assert_same_value_and_gradient(
        lambda student, teacher: crd_loss(student, teacher, 20),
        lambda student, teacher: reference.crd_loss(student, teacher, 20),
        [random(3, 6).abs().requires_grad_(), random(3, 6, seed=1).abs().requires_grad_()],
    )


def test_exponentials_agree_with_their_definition_also_for_images_drawn_twice():
    bank, images = random(9, 4, seed=1), torch.tensor([[0, 3, 3, 8], [2, 1, 0, 7]])
    assert_same_value_and_gradient(
        lambda embeddings: exponentials(embeddings, bank, images, 0.3),
        lambda embeddings: reference.scores(embeddings, bank, images, 0.3),
        [random(2, 4, grad=True)],
    )


def test_a_student_that_finds_its_image_costs_less():
    scores = torch.full((1, 5), 0.01)
    better = scores.clone()
    better[0, 0] = 1.0
    assert crd_loss(better, scores, 10) < crd_loss(scores, scores, 10)


# the term


def test_the_first_loss_is_that_of_the_banks_it_begins_with():
    nets, given = networks(), batch()
    term = build(SMALL, nets)
    banks = term.teacher_bank.clone(), term.student_bank.clone()
    student, teacher = (answer.features[-1].mean(dim=(2, 3)) for answer in outputs(nets))
    own = nn.functional.normalize(term.student_embedding(student))
    other = nn.functional.normalize(term.teacher_embedding(teacher))
    negatives = Negatives(dataset().train.labels, 7)(given.indices, 3, 11)
    images = torch.cat([given.indices[:, None], negatives], dim=1)
    pairs = zip((own, other), banks, strict=True)
    scores = [reference.scores(embedded, bank, images, 0.07) for embedded, bank in pairs]
    normalised = [values / (24 * values.mean()) for values in scores]
    expected = reference.crd_loss(normalised[0], normalised[1], 24)
    found = term(*outputs(nets), given, clock(epoch=3, seed=11))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(term.normalisers, torch.stack([24 * values.mean() for values in scores]).detach())


def test_the_bank_takes_in_the_batch_and_nothing_else():
    nets, given = networks(), batch()
    term = build(SMALL, nets)
    before = term.teacher_bank.clone()
    term(*outputs(nets), given, clock())
    features = outputs(nets)[1].features[-1].mean(dim=(2, 3))
    embedded = nn.functional.normalize(term.teacher_embedding(features)).detach()
    mixed = nn.functional.normalize(0.5 * before[given.indices] + 0.5 * embedded)
    torch.testing.assert_close(term.teacher_bank[given.indices], mixed)
    others = torch.ones(24, dtype=torch.bool).index_fill(0, given.indices, False)
    assert torch.equal(term.teacher_bank[others], before[others])
    assert not term.teacher_bank.requires_grad


def test_z_stays_what_the_first_step_made_it():
    nets = networks()
    term = build(SMALL, nets)
    term(*outputs(nets), batch(), clock())
    first = term.normalisers.clone()
    term(*outputs(nets), batch(), clock(epoch=1))
    assert (first > 0).all() and torch.equal(term.normalisers, first)


def test_in_eval_mode_the_banks_stay():
    nets = networks()
    term = build(SMALL, nets).eval()
    before = term.student_bank.clone()
    term(*outputs(nets), batch(), clock())
    assert torch.equal(term.student_bank, before)


def test_a_saved_term_goes_on_as_if_nothing_had_happened():
    nets = networks()
    term, other = build(SMALL, nets), build(SMALL, nets)
    term(*outputs(nets), batch(), clock())
    other.load_state_dict(term.state_dict())
    assert torch.equal(other.normalisers, term.normalisers)
    losses = [either(*outputs(nets), batch(), clock(epoch=1)) for either in (term, other)]
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(term.student_bank, other.student_bank)


def test_a_term_saved_before_its_first_step_finds_its_z_in_it():
    nets = networks()
    term, other = build(SMALL, nets), build(SMALL, nets)
    other.load_state_dict(term.state_dict())
    other(*outputs(nets), batch(), clock())
    assert (other.normalisers > 0).all()


def test_what_is_saved_and_what_is_trained():
    term = build(SMALL, networks())
    saved = {name: tuple(value.shape) for name, value in term.state_dict().items()}
    assert saved == {
        "student_embedding.weight": (5, 6),
        "student_embedding.bias": (5,),
        "teacher_embedding.weight": (5, 8),
        "teacher_embedding.bias": (5,),
        "student_bank": (24, 5),
        "teacher_bank": (24, 5),
        "normalisers": (2,),
    }
    nets = networks()
    term = build(SMALL, nets)
    term(*outputs(nets), batch(), clock()).backward()
    assert all(parameter.grad is not None for parameter in term.parameters())


def test_banks_begin_with_vectors_of_about_length_one():
    term = build(CRD(dimensions=128), networks())
    assert term.student_bank.norm(dim=1).mean().item() == pytest.approx(1.0, abs=0.02)
    assert not torch.equal(term.student_bank, term.teacher_bank)


def test_defaults_are_the_published_ones():
    spec = CRD()
    assert (spec.weight, spec.negatives, spec.temperature) == (0.8, 16384, 0.07)
    assert (spec.momentum, spec.dimensions) == (0.5, 128)
    assert set(space(spec)) == {"weight", "negatives", "temperature"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"negatives": 0}, "negatives must be at least 1, got 0"),
        ({"dimensions": 0}, "dimensions must be at least 1, got 0"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1, got 1.0"),
    ],
)
def test_refuses(values: dict, message: str):
    with pytest.raises(ValueError, match=message):
        CRD(**values)


def test_refuses_a_single_class():
    known = shapes(*networks())
    assert known.num_classes == NUM_CLASSES
    with pytest.raises(ValueError, match="at least 2 classes, got 1"):
        CRD().check(replace(known, num_classes=1))
