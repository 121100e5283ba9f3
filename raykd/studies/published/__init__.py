"""Published experiments as studies: what the files of `search_spaces` share.

Here are the methods as the options of one choice, so that a search has one of them at a time; the recipe of each
benchmark is in a file of its own.
"""

from collections.abc import Mapping
from typing import Any

import torch

from raykd.methods.ab import AB
from raykd.methods.attention import Attention
from raykd.methods.cc import CC
from raykd.methods.crd import CRD
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.ctkd import CTKD
from raykd.methods.dist import DIST
from raykd.methods.dkd import DKD
from raykd.methods.fitnet import FitNet
from raykd.methods.fsp import FSPStart
from raykd.methods.ft import FT
from raykd.methods.iakd import IAKD
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.methods.nst import NST
from raykd.methods.ofd import OFD
from raykd.methods.pkt import PKT
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval
from raykd.methods.review_kd import ReviewKD
from raykd.methods.rkd import RKD
from raykd.methods.sp import SP
from raykd.methods.teacher_free import TeacherFree
from raykd.methods.vid import VID
from raykd.models.staged import Shape, feature_shapes, stem_shape
from raykd.protocols.method import Route, Shapes, Start, Swap, TermSpec
from raykd.protocols.model import ModelSpec
from raykd.recipe import Recipe
from raykd.space.ranges import override
from raykd.studies.choices import changes
from raykd.studies.study import Study

Group = Mapping[str, Any]

PLAIN_KD = (CrossEntropy(weight=0.1), KD(weight=0.9, temperature=4.0))
QUEST = Quest(temperature=0.2, scaled=False)  # the authors', in the features' own units
# Of random features and batches of 64, PKT's loss is 3.7e-5 and this one 2.1e-3: so PKT's published weight of 30000
# weighs as much as one of 530 here.
INFORMATION_FLOW = InfoFlow(weight=500.0)


def alone(*terms: TermSpec, labels: float = 1.0, **places: Start | Route | Swap) -> dict[str, Any]:
    """A method in the place of a recipe's KD, as a group of a choice (see `raykd.studies.choices`).

    Args:
        terms: the method's, beside the labels'.
        labels: weight of the labels' cross-entropy.
        places: what the method puts at `start`, `route` or `swap`.
    """
    named = {f"terms/{term.name}": term for term in terms}
    return {"terms/cross_entropy": CrossEntropy(weight=labels), "terms/kd": None} | named | places


def methods() -> dict[str, Group]:
    """Every method by its name, for a recipe of plain KD, at the reference benchmark's setting or its authors'.

    IAKD, RCO and information flow beside labels have no published setting: theirs are this project's.
    """
    return {
        "kd": {},
        "standardised kd": alone(KD(weight=9.0, temperature=2.0, standardise=True), labels=0.1),
        "ctkd": alone(CTKD(), labels=0.1),
        "dkd": alone(DKD()),
        "dist": alone(DIST()),
        "fitnet": alone(FitNet()),
        "attention": alone(Attention()),
        "sp": alone(SP()),
        "cc": alone(CC()),
        "vid": alone(VID()),
        "rkd": alone(RKD()),
        "pkt": alone(PKT()),
        "nst": alone(NST()),
        "ft": alone(FT()),
        "crd": alone(CRD()),
        "ofd": alone(OFD()),
        "review_kd": alone(ReviewKD()),
        "ab": alone(start=AB()),
        "fsp": alone(start=FSPStart()),
        "teacher_free": alone(TeacherFree(), labels=0.9),
        "quest": alone(QUEST),
        "infoflow": alone(INFORMATION_FLOW),
        "iakd": alone(swap=IAKD()),
        "rco": {"route": EqualInterval()},
    }


def one_method(recipe: Recipe, options: Mapping[str, Group], shapes: Shapes, **settings: Any) -> Study:
    """A search for the best of many methods, one at a time: their own settings first, then around them.

    Args:
        recipe: with plain KD, or whatever the option `{}` is.
        options: the methods; those that cannot work on the shapes are left out.
        settings: of the study, beside the choice of a method and the first trials.
    """
    placed = {name: override(recipe, changes(recipe, "method", options, name)) for name in options}
    working = {name: options[name] for name, changed in placed.items() if _works(changed, shapes)}
    first = tuple({"method": name} for name in working)
    return Study(recipe=recipe, choices={"method": working}, first=first, **settings)


def shapes_of(student: ModelSpec, teacher: ModelSpec, image: Shape, num_classes: int, **known: Any) -> Shapes:
    """What is known of a run before its data is there; nothing is computed.

    Args:
        known: `num_images` and `num_checkpoints` of `Shapes`.
    """
    with torch.device("meta"):
        own, other = (model.build(num_classes, image) for model in (student, teacher))
    return Shapes(
        student=feature_shapes(own, image),
        teacher=feature_shapes(other, image),
        student_stem=stem_shape(own, image),
        teacher_stem=stem_shape(other, image),
        image=image,
        num_classes=num_classes,
        **known,
    )


def _works(recipe: Recipe, shapes: Shapes) -> bool:
    try:
        recipe.route.check(shapes, recipe.epochs)
        for part in (recipe.swap, recipe.start, *recipe.active_terms):
            part.check(shapes)
    except ValueError:
        return False
    return True
