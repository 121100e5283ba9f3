"""A recipe that cannot work is refused with one clear line, before any work starts."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from raykd.data.dataset import Dataset
from raykd.methods.ab import AB
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.fresh import Fresh
from raykd.methods.fsp import FSPStart
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher, Greedy
from raykd.models.cnn import CNN
from raykd.models.staged import Staged
from raykd.protocols.method import Shapes
from raykd.recipe import Recipe, build_network
from raykd.studies.baselines import ALONE, PLAIN_KD, baselines
from tiny import NUM_CLASSES, STUDENT, TEACHER, TinyNet, composed, recipe, same_weights, unwatched

LABELS = CrossEntropy()


@dataclass
class Mutable:
    def build(self, num_classes: int, image: tuple[int, ...]) -> Staged:
        return STUDENT.build(num_classes, image)


@dataclass(frozen=True)
class Shortened:
    needs_teacher = False

    def check(self, shapes: Shapes) -> None:
        pass


START = AB(first_stage=FirstStage(batch_size=8))


# what the recipe alone shows


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"start": IAKD()}, r"start must be a Start such as AB\(\), got IAKD\("),
        ({"route": KD()}, r"route must be a Route such as EqualInterval\(\), got KD\("),
        ({"swap": FinalTeacher()}, r"swap must be a Swap such as IAKD\(\), got FinalTeacher\("),
        ({"terms": (LABELS, "kd")}, r"terms must be terms such as KD\(\), got 'kd'"),
        ({"terms": (LABELS, IAKD())}, r"terms must be terms such as KD\(\), got IAKD\("),
        ({"terms": [LABELS]}, r"terms: needs tuple\[TermSpec, ...\], got \[CrossEntropy\("),
        ({"student": CNN}, r"student must be a network such as CNN\(\), got the class CNN; did you mean CNN\(\)\?"),
        ({"student": Mutable()}, r"student must be a frozen dataclass, got Mutable\(\)"),
        ({"start": Shortened()}, r"start must be a Start such as AB\(\), got Shortened\(\), which has no begin"),
        ({"epochs": 2.5}, "epochs: needs int, got 2.5"),
        ({"terms": (LABELS, KD(), KD(temperature=2.0))}, "terms need different names, got cross_entropy, kd, kd"),
        ({"terms": ()}, "a recipe needs at least one term whose weight is not 0"),
        ({"terms": (CrossEntropy(weight=0.0), KD(weight=0.0))}, "at least one term whose weight is not 0"),
        ({"terms": (CrossEntropy(weight=-1.0),)}, "terms/cross_entropy/weight must be at least 0, got -1.0"),
        ({"terms": (CrossEntropy(weight=float("nan")),)}, "terms/cross_entropy/weight must be at least 0, got nan"),
        ({"teacher": None}, "terms/kd needs a teacher, and the recipe has none"),
        ({"teacher": None, "terms": (LABELS,), "start": AB()}, "start needs a teacher, and the recipe has none"),
        ({"teacher": None, "terms": (LABELS,), "swap": IAKD()}, "swap needs a teacher"),
        ({"teacher": None, "terms": (LABELS,), "route": EqualInterval()}, "route needs a teacher"),
    ],
)
def test_refuses(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message) as raised:
        unwatched(Recipe, **vars(recipe()) | changes)
    assert len(str(raised.value).splitlines()) == 1


def test_a_term_of_weight_zero_needs_no_teacher():
    assert recipe(teacher=None, terms=(LABELS, KD(weight=0.0))).active_terms == (LABELS,)


# what shapes and data show


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 25}, "batch_size: 25 is more than the 24 training images"),
        ({"route": EqualInterval(count=5), "epochs": 9}, "route/count: 5 anchors need .* the teacher keeps 4"),
        ({"route": Greedy(count=5), "epochs": 9}, "route/count: 5 anchors need .* the teacher keeps 4"),
        ({"route": EqualInterval(count=4), "epochs": 3}, "route/count: 4 anchors need .* epochs, the run has 3"),
        # 24 images of 4 x 4 places
        (
            {"terms": (LABELS, Quest(words=385))},
            "terms/quest: words: needs at least as many feature vectors as words, got 385 words and 384 vectors",
        ),
        ({"terms": (LABELS, Quest(stage=2, words=4))}, "terms/quest: stage 2 is not among the 2 stages"),
        (
            {"swap": IAKD(), "teacher": replace(TEACHER, model=TinyNet(widths=(5, 5), strides=(1, 4)))},
            r"swap: stage 1 .* student \(6, 4, 4\), teacher \(5, 2, 2\)",
        ),
        (
            {"swap": IAKD(), "teacher": replace(TEACHER, model=CNN(widths=(6, 8, 8)))},
            r"got 2 \(\(4, 8, 8\), \(6, 4, 4\)\) and 3 \(\(6, 8, 8\), \(8, 4, 4\), \(8, 2, 2\)\)",
        ),
        (
            {"terms": (InfoFlow(),), "teacher": replace(TEACHER, model=CNN(widths=(6, 8, 8)))},
            "terms/infoflow: student and teacher need equally many stages, got 2 and 3",
        ),
        ({"start": AB()}, "start: batch_size: 64 is more than the 24 training images"),
        ({"start": FSPStart()}, r"start: student and teacher need equal widths, got \(1, 4, 6\) and \(1, 6, 8\)"),
        (
            {"terms": (InfoFlow(auxiliary=Auxiliary(model=STUDENT)),)},
            "terms/infoflow: auxiliary/batch_size: 128 is more than the 24 training images",
        ),
    ],
)
def test_check_refuses(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message) as raised:
        recipe(**changes).check()
    assert len(str(raised.value).splitlines()) == 1


def test_check_refuses_a_batch_that_cannot_be_shared_out():
    recipe().check(num_processes=4)
    with pytest.raises(ValueError, match="batch_size: 8 is not a multiple of the 3 processes"):
        recipe().check(num_processes=3)


def test_check_refuses_one_image_a_process_where_a_normalisation_has_one_value_of_it():
    to_a_point = TinyNet(strides=(4, 4))  # of 8 x 8 pixels 1 x 1 are left
    with pytest.raises(ValueError, match=r"batch_size: 4 is one image a process, .* a channel; 8 or more work$"):
        recipe(student=to_a_point, batch_size=4).alone().check(num_processes=4)
    recipe(student=to_a_point, batch_size=4).alone().check(num_processes=2)
    recipe(batch_size=4).alone().check(num_processes=4)  # its maps have more places


def test_check_accepts_what_works():
    composed(start=START).check()
    composed(start=START).alone().check()


def test_check_leaves_out_what_a_weight_of_zero_leaves_out():
    recipe(terms=(LABELS, Quest(weight=0.0, words=4096))).check()


def test_missing_data_is_named():
    with pytest.raises(FileNotFoundError, match="no images there"):
        replace(recipe(), data=Missing()).check()


@dataclass(frozen=True, kw_only=True)
class Missing:
    name = "missing"

    def load(self) -> Dataset:
        raise FileNotFoundError("no images there")


def test_shapes():
    shapes = recipe().shapes()
    assert shapes.student == ((4, 8, 8), (6, 4, 4))
    assert shapes.teacher == ((6, 8, 8), (8, 4, 4))
    assert shapes.student_stem == shapes.teacher_stem == (1, 8, 8)
    assert (shapes.image, shapes.num_classes, shapes.num_images, shapes.num_checkpoints) == ((1, 8, 8), 3, 24, 4)
    alone = recipe().alone().shapes()
    assert (alone.teacher, alone.teacher_stem, alone.num_checkpoints) == ((), (), 0)


# initial weights


def test_a_network_depends_on_its_key_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = build_network(STUDENT, NUM_CLASSES, (1, 8, 8), "student", 0).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert same_weights(build_network(STUDENT, NUM_CLASSES, (1, 8, 8), "student", 0).state_dict(), first)
    assert not same_weights(build_network(STUDENT, NUM_CLASSES, (1, 8, 8), "student", 1).state_dict(), first)


# baselines


def test_alone_keeps_all_but_the_teacher():
    spec = composed(seed=5, start=START)
    expected = Recipe(
        data=spec.data, student=spec.student, terms=(LABELS,), epochs=4, batch_size=8, seed=5, optimiser=spec.optimiser
    )
    assert spec.alone() == expected


def test_the_baselines_of_a_search():
    spec = composed(start=START)
    both = baselines(spec)
    assert both[ALONE] == spec.alone()
    assert both[PLAIN_KD] == replace(
        spec,
        start=Fresh(),
        terms=(CrossEntropy(weight=0.1), KD(weight=0.9, temperature=4.0)),
        route=FinalTeacher(),
        swap=NoSwap(),
    )


def test_the_data_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spec = recipe()
    first = spec.shapes()
    monkeypatch.setattr(type(spec.data), "load", lambda self: pytest.fail("loaded again"))
    assert spec.shapes() == first
