import itertools
from typing import Any

import pytest
import torch
from torch import nn

from raykd.methods.iakd import IAKD, Converters, NoSwap, hybrid, keep_probability
from raykd.space.ranges import space
from references import iakd as reference
from tiny import batch, clock, network, shapes

EPOCHS, DROPS = 24, (15, 18, 21)
THREE: dict[str, Any] = {"widths": (4, 4, 6), "strides": (2, 1, 2)}
WIDER: dict[str, Any] = {"widths": (5, 7, 8), "strides": (2, 1, 2)}
EVERY_CHOICE = [frozenset(chosen) for size in range(5) for chosen in itertools.combinations(range(4), size)]


def pair(teacher_options=None, seed=1):
    """A student in train mode, a frozen teacher in eval mode, and the converters between them."""
    student = network(0, **THREE)
    teacher = network(seed, **(teacher_options or THREE))
    images = batch(16).images
    for net in (student, teacher):
        net(images)  # moves the running statistics away from their initial 0 and 1
    known = shapes(student, teacher)
    return student, teacher.requires_grad_(False).eval(), Converters(known.student, known.teacher)


def touched(module: nn.Module) -> bool:
    """Whether any gradient other than 0 reached a module."""
    return any(each.grad is not None and bool(each.grad.any()) for each in module.parameters())


# the schedules


def test_uniform_is_constant():
    assert {keep_probability("uniform", 0.7, epoch, EPOCHS, DROPS) for epoch in range(EPOCHS)} == {0.7}


@pytest.mark.parametrize("start", [0.0, 0.3, 1.0])
def test_growth_agrees_with_the_paper(start):
    found = [keep_probability("growth", start, epoch, EPOCHS) for epoch in range(EPOCHS)]
    assert found == pytest.approx(reference.growth(start, EPOCHS))
    assert found[0] == start
    assert found[-1] == 1.0
    assert found == sorted(found)


def test_review_agrees_with_the_paper():
    found = [keep_probability("review", 0.5, epoch, EPOCHS, DROPS) for epoch in range(EPOCHS)]
    assert found == pytest.approx(reference.review(0.5, EPOCHS, DROPS))
    assert all(found[drop] == 0.5 and found[drop - 1] == 1.0 for drop in DROPS)


def test_review_without_drops_is_growth():
    for epoch in range(EPOCHS):
        assert keep_probability("review", 0.5, epoch, EPOCHS) == keep_probability("growth", 0.5, epoch, EPOCHS)


def test_drops_at_or_outside_the_ends_of_the_run_are_no_phases():
    for epoch in range(EPOCHS):
        outside = keep_probability("review", 0.5, epoch, EPOCHS, (0, *DROPS, DROPS[0], EPOCHS, 99))
        assert outside == keep_probability("review", 0.5, epoch, EPOCHS, DROPS)


@pytest.mark.parametrize("schedule", ["growth", "review"])
def test_a_run_of_one_epoch_is_the_students_own(schedule):
    assert keep_probability(schedule, 0.5, 0, 1) == 1.0


def test_names_the_schedules():
    with pytest.raises(ValueError, match="unknown schedule 'linear'; choices: uniform, growth, review"):
        keep_probability("linear", 0.5, 0, EPOCHS)


# the choice of stages


def choices(spec, num_stages=3, steps=2000, **options):
    return [spec.choose(num_stages, clock(step=step, **options)) for step in range(steps)]


def test_the_same_clock_gives_the_same_choice():
    spec = IAKD(schedule="uniform")
    assert choices(spec, steps=50) == choices(spec, steps=50)
    assert choices(spec, steps=50) != choices(spec, steps=50, epoch=1)
    assert choices(spec, steps=50) != choices(spec, steps=50, seed=1)


@pytest.mark.parametrize("start", [0.3, 0.8])
def test_each_stage_is_swapped_as_often_as_the_schedule_says_and_independently(start):
    found = choices(IAKD(schedule="uniform", start=start))
    swap = 1 - start
    for stage in range(3):
        assert sum(stage in chosen for chosen in found) / 2000 == pytest.approx(swap, abs=0.04)
    for one, other in itertools.combinations(range(3), 2):
        assert sum({one, other} <= chosen for chosen in found) / 2000 == pytest.approx(swap**2, abs=0.04)


def test_the_head_is_swapped_only_where_asked_and_something_is_always_left_to_train():
    assert all(3 not in chosen for chosen in choices(IAKD(schedule="uniform", start=0.3), steps=200))
    found = choices(IAKD(schedule="uniform", start=0.3, swap_head=True))
    assert any(3 in chosen for chosen in found)
    assert frozenset(range(4)) not in found
    everything = IAKD(schedule="uniform", start=0.0, solo=0.0, swap_head=True)
    assert set(choices(everything, steps=20)) == {frozenset(range(3))}


def test_nothing_is_swapped_at_probability_one():
    assert set(choices(IAKD(schedule="uniform", start=1.0), steps=100)) == {frozenset()}
    assert set(choices(IAKD(schedule="growth"), steps=100, epoch=49)) == {frozenset()}
    assert set(choices(NoSwap(), steps=10)) == {frozenset()}
    assert NoSwap().keep(clock()) == 1.0


def test_uniform_ends_with_a_share_of_epochs_of_the_students_own():
    kept = [IAKD(schedule="uniform", start=0.9, solo=0.1).keep(clock(epoch=epoch)) for epoch in range(50)]
    assert kept == [0.9] * 45 + [1.0] * 5


def test_review_follows_the_drops_of_the_learning_rate():
    swap = IAKD(schedule="review", start=0.5, solo=0.0)
    kept = [swap.keep(clock(epoch=e, epochs=EPOCHS, milestones=DROPS)) for e in range(EPOCHS)]
    assert kept == pytest.approx(reference.review(0.5, EPOCHS, DROPS))


@pytest.mark.parametrize(
    ("schedule", "milestones", "expected"),
    [
        ("growth", (), [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("review", (6,), [0.5, 0.7, 0.9, 1.0, 1.0, 1.0, 0.5, 0.75, 1.0, 1.0, 1.0]),
    ],
)
def test_every_schedule_ends_with_epochs_of_the_students_own(
    schedule: str, milestones: tuple[int, ...], expected: list[float]
):
    """Half of the run, or of each phase: of 10 epochs after the first one, 5 rise; of 5 and of 4, 2.5 and 2."""
    swap = IAKD(schedule=schedule, start=0.5, solo=0.5)
    kept = [swap.keep(clock(epoch=epoch, epochs=11, milestones=milestones)) for epoch in range(11)]
    assert kept == pytest.approx(expected)


# the hybrid network


@pytest.mark.parametrize("options", [THREE, WIDER])
def test_all_swapped_is_the_teacher_in_any_mode(options):
    student, teacher, converters = pair(options)
    images = batch().images
    for mode in (True, False):
        student.train(mode)
        found = hybrid(student, teacher, converters, images, frozenset(range(4)))
        assert torch.equal(found.logits, teacher(images).logits)


@pytest.mark.parametrize("options", [THREE, WIDER])
def test_none_swapped_is_the_student(options):
    student, teacher, converters = pair(options)
    images = batch().images
    found, own = hybrid(student, teacher, converters, images, frozenset()), student(images)
    assert torch.equal(found.logits, own.logits)
    assert all(torch.equal(one, other) for one, other in zip(found.features, own.features, strict=True))


@pytest.mark.parametrize("swapped", EVERY_CHOICE, ids=str)
def test_every_choice_agrees_with_the_papers_equation(swapped):
    student, teacher, converters = pair()
    student.eval()
    images = batch().images
    keeps = [float(stage not in swapped) for stage in range(4)]
    expected = reference.hybrid_logits(student, teacher, images, keeps[:3], keeps[3])
    torch.testing.assert_close(hybrid(student, teacher, converters, images, swapped).logits, expected)


@pytest.mark.parametrize("options", [THREE, WIDER])
def test_every_choice_gives_logits_and_features_of_the_students_shapes(options):
    student, teacher, converters = pair(options)
    images = batch().images
    own = student(images)
    for swapped in EVERY_CHOICE:
        found = hybrid(student, teacher, converters, images, swapped)
        assert found.logits.shape == own.logits.shape
        assert found.logits.isfinite().all()
        assert [each.shape for each in found.features] == [each.shape for each in own.features]


def test_the_choice_does_not_matter_between_equal_networks():
    student, teacher, converters = pair(seed=0)
    student.eval()
    images = batch().images
    for swapped in EVERY_CHOICE:
        found = hybrid(student, teacher, converters, images, swapped)
        torch.testing.assert_close(found.logits, teacher(images).logits)


@pytest.mark.parametrize("options", [THREE, WIDER])
def test_gradients_flow_through_swapped_stages_to_earlier_ones_and_not_into_the_teacher(options):
    student, teacher, converters = pair(options)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    hybrid(student, teacher, converters, batch().images, frozenset({1})).logits.square().sum().backward()
    parts = student.network
    assert touched(parts["stem"])
    assert touched(parts["stage1"])
    assert all(parameter.grad is None for parameter in parts["stage2"].parameters())
    assert touched(parts["stage3"])
    assert touched(parts["head"])
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_a_swapped_stages_feature_carries_gradient_to_earlier_stages():
    student, teacher, converters = pair(WIDER)
    hybrid(student, teacher, converters, batch().images, frozenset({1})).features[1].square().sum().backward()
    assert touched(student.network["stage1"])
    assert touched(converters.to_student[1])


def test_the_swapped_first_stage_brings_its_own_stem():
    student, teacher, converters = pair()
    hybrid(student, teacher, converters, batch().images, frozenset({0})).logits.square().sum().backward()
    assert all(parameter.grad is None for parameter in student.network["stem"].parameters())
    assert touched(student.network["stage2"])


def test_a_head_swapped_alone_reads_the_students_last_stage():
    student, teacher, converters = pair(WIDER)
    images = batch().images
    found = hybrid(student, teacher, converters, images, frozenset({3}))
    torch.testing.assert_close(found.logits, teacher.head(converters.to_teacher[2](student(images).features[-1])))


def test_a_stage_of_equal_width_gives_the_teachers_map_before_its_relu():
    student, teacher, converters = pair()
    images = batch().images
    found = hybrid(student, teacher, converters, images, frozenset({0, 2}))
    first = teacher.before_relu(0, teacher.stem(images))
    assert (first < 0).any()
    assert torch.equal(found.before_relu[0], first)
    torch.testing.assert_close(found.before_relu[2], teacher.before_relu(2, found.features[1]))
    for before, after in zip(found.before_relu, found.features, strict=True):
        torch.testing.assert_close(torch.relu(before), after)


def test_what_is_converted_is_the_same_before_and_after():
    student, teacher, converters = pair(WIDER)
    found = hybrid(student, teacher, converters, batch().images, frozenset({1}))
    assert torch.equal(found.before_relu[1], found.features[1])


# the converters


def test_equal_widths_need_no_converter():
    assert not list(pair()[2].parameters())


def test_converters_between_unequal_widths_are_trained_where_the_branch_changes():
    student, teacher, converters = pair(WIDER)
    hybrid(student, teacher, converters, batch().images, frozenset({1})).logits.square().sum().backward()
    assert touched(converters.to_teacher[0])
    assert touched(converters.to_student[1])
    used = (converters.to_teacher[0], converters.to_student[1])
    for converter in (*converters.to_teacher, *converters.to_student):
        assert converter in used or not touched(converter)


def test_consecutive_teacher_stages_are_not_converted_in_between():
    student, teacher, converters = pair(WIDER)
    student.eval()
    images = batch().images
    found = hybrid(student, teacher, converters.eval(), images, frozenset({0, 1}))
    inside = teacher.stage(1, teacher.stage(0, teacher.stem(images)))
    last = student.stage(2, converters.to_student[1](inside))
    torch.testing.assert_close(found.logits, student.head(last))


def test_flat_stages_are_converted_too():
    student, teacher = network(0, embedding=5), network(1, embedding=7).eval()
    known = shapes(student, teacher)
    converters = Converters(known.student, known.teacher)
    assert isinstance(converters.to_teacher[2], nn.Linear)
    images = batch().images
    found = hybrid(student, teacher, converters, images, frozenset({2}))
    assert found.logits.shape == (6, 3)
    assert found.features[2].shape == (6, 5)


# the spec


def test_searches_schedule_start_and_solo():
    assert set(space(IAKD())) == {"schedule", "start", "solo"}
    assert not space(NoSwap())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"start": 1.5}, "start must be within 0 and 1, got 1.5"),
        ({"solo": -0.1}, "solo must be within 0 and 1, got -0.1"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        IAKD(**values)


def test_check_refuses_stages_that_cannot_stand_in_for_each_other():
    IAKD().check(shapes(network(**THREE), network(**WIDER)))
    with pytest.raises(ValueError, match=r"need equally many stages, got 3 .* and 2 "):
        IAKD().check(shapes(network(**THREE), network()))
    with pytest.raises(ValueError, match=r"stage 0 needs maps of one size .* student \(4, 4, 4\), teacher \(4, 8, 8\)"):
        IAKD().check(shapes(network(), network(strides=(1, 2))))
