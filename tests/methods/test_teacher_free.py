import math

import pytest
import torch

from raykd.methods.kd import KD
from raykd.methods.teacher_free import TeacherFree, virtual_teacher_loss
from raykd.space.ranges import space
from raykd.storage.artifacts import Store
from raykd.teachers.trained import Teacher
from references import teacher_free as reference
from terms import loss_of, networks, outputs
from tiny import STUDENT, assert_same_value_and_gradient, batch, finish, random, recipe, shapes

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
TARGETS = torch.tensor([0, 2])


@pytest.mark.parametrize(("probability", "temperature"), [(0.99, 20.0), (0.9, 1.0)])
def test_agrees_with_the_paper(probability: float, temperature: float):
    targets = torch.tensor([0, 3, 1, 1, 2])
    assert_same_value_and_gradient(
        lambda logits: virtual_teacher_loss(logits, targets, probability, temperature),
        lambda logits: reference.virtual_teacher_loss(logits, targets, probability, temperature),
        [random(5, 4, grad=True)],
    )


def test_golden():
    """Two classes, a = 3/4 and T = 1 / (2 ln 3): the softened teacher has odds of 3 to 1, the student of 1 to 1."""
    temperature = 0.5 / math.log(3)
    loss = virtual_teacher_loss(torch.zeros(2, 2), torch.tensor([0, 1]), 0.75, temperature)
    assert loss.item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), rel=1e-6)


def test_is_zero_where_the_student_answers_like_the_virtual_teacher():
    logits = torch.full((2, 3), 0.005, dtype=torch.float64).scatter(1, TARGETS[:, None], 0.99) / 20
    assert virtual_teacher_loss(logits + 3, TARGETS, 0.99, 20.0).item() == pytest.approx(0.0, abs=1e-12)


def test_a_high_temperature_pulls_towards_the_uniform_distribution():
    uniform = -(math.log(3) + LOGITS.log_softmax(dim=1).mean(dim=1)).mean()
    assert virtual_teacher_loss(LOGITS, TARGETS, 0.99, 1e6).item() == pytest.approx(uniform.item(), rel=1e-5)


def test_half_precision_logits_are_compared_in_single_precision():
    loss = virtual_teacher_loss(LOGITS.bfloat16(), TARGETS, 0.99, 20.0)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(virtual_teacher_loss(LOGITS, TARGETS, 0.99, 20.0).item(), rel=1e-5)


def test_the_term_reads_the_students_logits_and_the_labels():
    nets = networks()
    loss, term = loss_of(TeacherFree(correct_probability=0.95, temperature=2.0), nets)
    student, _ = outputs(nets)
    torch.testing.assert_close(loss, virtual_teacher_loss(student.logits, batch().targets, 0.95, 2.0))
    assert not list(term.parameters())


def test_needs_no_teacher(tmp_path):
    found = finish(recipe(teacher=None, terms=(TeacherFree(),), epochs=1), Store(tmp_path))
    assert math.isfinite(found.column("train/teacher_free")[0])
    assert not (tmp_path / "route").exists()


def test_self_training_is_a_recipe(tmp_path):
    """Tf-KD_self: the student's twin, of another seed, is trained alone and teaches it."""
    twin = Teacher(model=STUDENT, epochs=2, every=2, batch_size=8, seed=1)
    found = finish(recipe(teacher=twin, terms=(KD(),), epochs=2), Store(tmp_path))
    assert found.column("train/kd")[0] > 0


def test_searches_all_of_it():
    assert set(space(TeacherFree())) == {"weight", "correct_probability", "temperature"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"correct_probability": 1.0}, "correct_probability must be between 0 and 1, got 1.0"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        TeacherFree(**values)


def test_refuses_a_virtual_teacher_that_is_no_better_than_chance():
    with pytest.raises(ValueError, match=r"correct_probability must be above 1/3, .* got 0\.3"):
        TeacherFree(correct_probability=0.3).check(shapes(*networks()))
