from typing import Any

import pytest
import torch
from torch import nn

from raykd.methods.common.first_stage import FirstStage
from raykd.methods.ft import FT, find_paraphraser, ft_loss
from raykd.optim import SGD, Constant
from raykd.space.ranges import space
from references import ft as reference
from terms import networks, outputs
from tiny import TinyRoute, assert_same_value_and_gradient, batch, clock, context, random, shapes

SHORT = FirstStage(epochs=2, batch_size=8, optimiser=SGD(lr=0.01, schedule=Constant()))
TINY = FT(first_stage=SHORT)


def built(folder, spec=TINY, nets=None, route=None, **options) -> Any:
    """The term, the networks being those of the route's final checkpoint."""
    known = shapes(*(nets or networks()))
    spec.check(known)
    return spec.build(known, context(folder, route, **options))


def test_golden():
    student, teacher = torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 1, 2)
    student[..., 0], teacher[..., 1] = 3.0, 5.0  # all at one place, and all at the other
    assert ft_loss(student, teacher).item() == 1.0
    # squares of 1 and 2 are 1 and 4; both places alike are 1 / sqrt(2) each
    other = torch.tensor([[[[1.0, 2.0]]]])
    expected = (abs(1 / 17**0.5 - 0.5**0.5) + abs(4 / 17**0.5 - 0.5**0.5)) / 2
    assert ft_loss(other, torch.ones(1, 3, 1, 2)).item() == pytest.approx(expected)


@pytest.mark.parametrize(("p1", "p2"), [(2, 1), (2, 2), (1, 1), (3, 3)])
@pytest.mark.parametrize(("own", "other"), [((4, 4), (4, 4)), ((4, 4), (2, 2)), ((2, 3), (5, 3))])
def test_agrees_with_the_reference_benchmark(p1, p2, own, other):
    teacher = random(3, 2, *other, seed=1)
    assert_same_value_and_gradient(
        lambda student: ft_loss(student, teacher, p1, p2),
        lambda student: reference.ft_loss(student, teacher, p1, p2),
        [random(3, 4, *own, grad=True)],
    )


def test_ignores_the_scale_of_an_image():
    student, teacher = random(3, 4, 2, 2), random(3, 4, 2, 2, seed=1)
    torch.testing.assert_close(ft_loss(7 * student, teacher), ft_loss(student, teacher))


def test_a_dead_factor_leaves_gradients_finite():
    student = random(3, 4, 2, 2).float()
    student[1] = 0.0
    student.requires_grad_()
    ft_loss(student, random(3, 4, 2, 2, seed=1).float()).backward()
    assert student.grad.isfinite().all() and not student.grad[1].any()


def test_no_gradient_reaches_the_teacher():
    student, teacher = random(2, 3, 2, 2, grad=True), random(2, 3, 2, 2, seed=1, grad=True)
    ft_loss(student, teacher).backward()
    assert teacher.grad is None


# the term


def test_the_translated_student_meets_the_paraphrased_teacher(tmp_path):
    nets, spec = networks(), FT(first_stage=SHORT, p1=1, p2=2)
    term = built(tmp_path, spec)
    student, teacher = outputs(nets)
    paraphraser = find_paraphraser(spec, 8, context(tmp_path))
    loss = term(student, teacher, batch(), clock())
    torch.testing.assert_close(
        loss, ft_loss(term.translator(student.features[-1]), paraphraser(teacher.features[-1]), 1, 2)
    )
    loss.backward()
    assert all(parameter.grad is not None for parameter in term.parameters())
    assert nets[0].network["stem"].weight.grad.abs().sum() > 0
    assert nets[0].network["head"][1].weight.grad is None


def test_the_networks_are_the_reference_benchmarks(tmp_path):
    term = built(tmp_path)
    encoder: Any = find_paraphraser(TINY, 8, context(tmp_path))
    assert [tuple(layer.weight.shape) for layer in encoder[::2]] == [(8, 8, 3, 3), (4, 8, 3, 3), (4, 4, 3, 3)]
    assert all(layer.negative_slope == 0.1 for layer in encoder[1::2])
    widths = [tuple(layer.weight.shape) for layer in term.translator[::3]]
    assert widths == [(6, 6, 3, 3), (4, 6, 3, 3), (4, 4, 3, 3)]
    assert all(isinstance(layer, nn.BatchNorm2d) for layer in term.translator[1::3])


def test_only_the_translator_is_trained_and_saved(tmp_path):
    term = built(tmp_path)
    assert {name.split(".")[0] for name in term.state_dict()} == {"translator"}
    (paraphraser,) = term._paraphraser
    assert not any(parameter.requires_grad for parameter in paraphraser.parameters())


def test_the_paraphraser_is_made_once_of_the_final_teacher_and_depends_on_no_other_draws(tmp_path):
    route, weights = TinyRoute(), []
    for store, seed in (("one", 0), ("one", 1), ("two", 2)):
        torch.manual_seed(seed)
        paraphraser: Any = find_paraphraser(TINY, 8, context(tmp_path / store, route))
        weights.append(paraphraser[0].weight)
    assert route.asked == [3, 3]  # the final checkpoint, once a store
    assert torch.equal(weights[0], weights[1]) and torch.equal(weights[0], weights[2])


def test_making_it_leaves_the_translator_as_it_is(tmp_path):
    translators = []
    for _ in range(2):  # the second time it is there already
        torch.manual_seed(5)
        translators.append(built(tmp_path).translator[0].weight)
    assert torch.equal(*translators)


@pytest.mark.parametrize("changed", [{"rate": 0.25}, {"seed": 1}, {"first_stage": FirstStage(epochs=1, batch_size=8)}])
def test_another_setting_has_a_paraphraser_of_its_own_and_another_weight_has_not(changed, tmp_path):
    for spec in (TINY, FT(first_stage=SHORT, weight=10.0, p1=1), FT(**{"first_stage": SHORT} | changed)):
        find_paraphraser(spec, 8, context(tmp_path))
    assert len(list(tmp_path.glob("paraphraser/*"))) == 2


def test_the_paraphraser_learns_to_reconstruct(tmp_path):
    said: list[str] = []
    longer = FT(first_stage=FirstStage(epochs=30, batch_size=8, optimiser=SGD(lr=0.05, schedule=Constant())))
    built(tmp_path, longer, say=said.append)
    assert said[0].startswith("paraphraser: epoch 1 of 30, loss ")
    first, last = (float(line.rpartition(" ")[2]) for line in (said[0], said[-1]))
    assert last < 0.5 * first


def test_flat_stages_have_factors_too(tmp_path):
    route = TinyRoute(options={"embedding": 6})
    nets = networks({"embedding": 5}, {"widths": (4, 6), "embedding": 6})
    term = built(tmp_path, nets=nets, route=route)
    assert term(*outputs(nets), batch(), clock()).isfinite()


# the spec


def test_defaults_are_the_published_ones():
    spec = FT()
    assert (spec.weight, spec.rate, spec.p1, spec.p2) == (200.0, 0.5, 2, 1)
    assert (spec.first_stage.epochs, spec.first_stage.optimiser.lr) == (30, 0.01)
    assert set(space(spec)) == {"weight"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"rate": 0.0}, "rate must be above 0, got 0.0"),
        ({"p1": 0}, "p1 must be at least 1, got 0"),
        ({"p2": 0}, "p2 must be at least 1, got 0"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        FT(**values)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (FT(rate=0.1, first_stage=SHORT), "rate: 0.1 of the teacher's 8 channels leaves none to the factor"),
        (FT(), "batch_size: 64 is more than the 24 training images"),
    ],
)
def test_check_refuses(spec, message):
    with pytest.raises(ValueError, match=message):
        spec.check(shapes(*networks()))
