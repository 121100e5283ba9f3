"""A teacher of class scores alone, or of features alone: each method works with it, or says in a line what it needs."""

import dataclasses
from typing import Any

import pytest
import torch

import raykd.methods
from raykd.methods.iakd import IAKD, Converters, hybrid
from raykd.models.staged import Staged, feature_shapes
from raykd.models.timm import Timm
from raykd.protocols.reading import LOGITS, Pooled, check_readings
from test_contracts import STARTS, TERMS, smallest
from tiny import network, shapes

WHOLE = shapes(network(), network())
BY_SCORES = {"kd", "dkd", "dist", "ctkd"}
BY_LABELS = {"cross_entropy", "teacher_free"}
every_term = pytest.mark.parametrize("term", [smallest(cls) for cls in TERMS], ids=lambda term: term.name)


@every_term
def test_of_a_teacher_without_stages(term: Any):
    part = dataclasses.replace(WHOLE, teacher=(), teacher_stem=())
    if term.name in BY_SCORES | BY_LABELS:
        term.check(part)
    else:
        with pytest.raises(ValueError, match=r"^needs features of the teacher, which gives class scores alone$"):
            term.check(part)


@every_term
def test_of_a_teacher_without_scores(term: Any):
    part = dataclasses.replace(WHOLE, teacher_scores=False)
    if term.name in BY_SCORES:
        with pytest.raises(ValueError, match=r"^needs the teacher's scores of the data's classes, and its"):
            term.check(part)
    else:
        term.check(part)


@pytest.mark.parametrize("start", [smallest(cls) for cls in STARTS], ids=lambda start: type(start).__name__)
def test_a_start_from_a_teacher_without_stages(start: Any):
    if start.needs_teacher:
        with pytest.raises(ValueError, match="needs features of the teacher"):
            start.check(dataclasses.replace(WHOLE, teacher=(), teacher_stem=()))


def test_nothing_is_swapped_with_a_teacher_without_stages():
    with pytest.raises(ValueError, match="swap: student and teacher need equally many stages, got 2 "):
        IAKD().check(dataclasses.replace(WHOLE, teacher=()))


def test_a_term_of_ones_own_is_refused_before_the_first_step():
    check_readings((LOGITS, Pooled(1)), stages=2, scores=True)
    with pytest.raises(ValueError, match="a term reads pooled-1 of the teacher, which has 1 stages"):
        check_readings((Pooled(1),), stages=1, scores=True)
    with pytest.raises(ValueError, match="a term reads the teacher's class scores, and its features alone are asked"):
        check_readings((LOGITS,), stages=2, scores=False)


def vit(seed: int) -> Staged:
    torch.manual_seed(seed)
    return Timm(name="test_vit").build(3, (3, 32, 32)).eval()


def test_the_stages_of_vits_are_swapped_by_way_of_their_maps():
    """Where nothing of the other stood in, tokens are handed on whole, the class token with them."""
    one, other, images = vit(0), vit(1), torch.randn(2, 3, 32, 32)
    sizes = feature_shapes(one, (3, 32, 32))
    converters = Converters(sizes, sizes)
    with torch.no_grad():
        none = hybrid(one, other, converters, images, frozenset())
        torch.testing.assert_close(none.logits, one(images).logits)
        every = hybrid(one, other, converters, images, frozenset(range(5)))
        torch.testing.assert_close(every.logits, other(images).logits)
        mixed = hybrid(one, other, converters, images, frozenset({1}))
        hidden = other.stage(1, one.shown(one.stage(0, one.stem(images))))
        hidden = one.stage(3, one.stage(2, other.shown(hidden)))
        torch.testing.assert_close(mixed.logits, one.head(hidden))
        assert [tuple(feature.shape[1:]) for feature in mixed.features] == list(sizes)


def test_the_walk_finds_methods():
    assert {term.name for term in map(smallest, TERMS)} > BY_SCORES | BY_LABELS and raykd.methods
