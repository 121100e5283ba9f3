import pytest
import torch

from raykd.methods.cc import CC, correlation_loss
from raykd.space.ranges import space
from references import cc as reference
from terms import loss_of, networks, outputs
from tiny import assert_same_value_and_gradient, random


def test_golden():
    student = torch.tensor([[1.0], [-2.0], [3.0]])
    assert correlation_loss(student, torch.zeros(3, 1)).item() == (1 * 2 + 2 * 3) / 2


def test_agrees_with_the_benchmarks_definition():
    assert_same_value_and_gradient(
        correlation_loss, reference.correlation_loss, [random(5, 3, grad=True), random(5, 3, seed=1, grad=True)]
    )


def test_is_zero_for_equal_embeddings_and_symmetric():
    student, teacher = random(4, 3), random(4, 3, seed=1)
    assert correlation_loss(student, student).item() == 0.0
    assert torch.equal(correlation_loss(student, teacher), correlation_loss(teacher, student))


def test_one_image_has_no_neighbour():
    student = random(1, 3, grad=True)
    loss = correlation_loss(student, random(1, 3, seed=1))
    loss.backward()
    assert loss.item() == 0.0
    assert student.grad.abs().sum() == 0


# the term


def test_embeds_the_pooled_last_stages_and_trains_both_embeddings():
    nets = networks()
    loss, term = loss_of(CC(size=7), nets)
    student, teacher = (answer.features[-1].mean(dim=(2, 3)) for answer in outputs(nets))
    torch.testing.assert_close(loss, correlation_loss(term.student(student), term.teacher(teacher)))
    assert {name: tuple(value.shape) for name, value in term.named_parameters()} == {
        "student.weight": (7, 6),
        "student.bias": (7,),
        "teacher.weight": (7, 8),
        "teacher.bias": (7,),
    }
    loss.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in term.parameters())


def test_no_gradient_reaches_the_teacher():
    nets = networks()
    loss, _ = loss_of(CC(), nets)
    loss.backward()
    assert all(parameter.grad is None for parameter in nets[1].parameters())
    assert nets[0].network["stem"].weight.grad.abs().sum() > 0


def test_flat_stages_are_embedded_as_they_are():
    loss, term = loss_of(CC(), networks({"embedding": 5}, {"embedding": 7}))
    assert loss.isfinite()
    assert term.teacher.weight.shape == (128, 7)


def test_defaults_are_the_published_ones():
    assert (CC().weight, CC().size) == (0.02, 128)
    assert set(space(CC())) == {"weight"}


@pytest.mark.parametrize(
    ("values", "message"),
    [({"weight": -1.0}, "weight must be at least 0, got -1.0"), ({"size": 0}, "size must be at least 1, got 0")],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        CC(**values)
