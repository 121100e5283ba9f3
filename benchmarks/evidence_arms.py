"""What `evidence.py` trains: one study's student, data and epochs under every method, by name."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.crd import CRD
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.ft import FT
from raykd.methods.iakd import IAKD
from raykd.methods.infoflow import InfoFlow
from raykd.methods.pkt import PKT
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, Greedy
from raykd.models.cnn import CNN
from raykd.optim import Adam, Step
from raykd.recipe import Recipe
from raykd.space.ranges import override
from raykd.studies.choices import changes
from raykd.studies.published import alone, methods

ALONE, PLAIN = "student alone", "KD (T 4, 0.9)"
LABELS = "labels + "  # and the method, without KD, as its paper has it
UNLABELLED = "no labels: "
_FOUR: dict[str, dict[str, Any]] = {
    "QUEST": {"terms/quest": Quest(words=256)},
    "information flow": {},  # filled by `_four`, as its auxiliary teacher follows the student
    "IAKD": {"swap": IAKD()},
    "RCO": {"route": EqualInterval()},
}
_OURS = ("kd", "quest", "infoflow", "iakd", "rco")  # not among the classics


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuned:
    """An arm whose setting is drawn: its own first, then others within the ranges, the best on the validation split."""

    recipe: Recipe
    ranges: Mapping[str, BaseDistribution]


def arms(recipe: Recipe) -> dict[str, Recipe]:
    """Every recipe that is as published, as far as that is known and fits small networks."""
    four = _four(recipe)
    found = {ALONE: recipe.alone(), PLAIN: recipe}
    found |= {LABELS + name: _beside_labels(recipe, group) for name, group in four.items() if name != "RCO"}
    found |= {f"KD + {name}": override(recipe, group) for name, group in four.items()}
    found |= {
        "KD + RCO greedy": override(recipe, {"route": Greedy()}),
        LABELS + "information flow without auxiliary": _beside_labels(recipe, {"terms/infoflow": InfoFlow()}),
    }
    names = list(four)
    for one, other in ((a, b) for i, a in enumerate(names) for b in names[i + 1 :]):
        found[f"KD + {one} + {other}"] = override(recipe, four[one] | four[other])
    found["KD + all four"] = override(recipe, {path: part for group in four.values() for path, part in group.items()})
    return found | _unlabelled(recipe, four) | _classics(recipe)


def tuned(recipe: Recipe) -> dict[str, Tuned]:
    """What is tuned, with the ranges that are the method's own; the optimiser stays, so that it is the same for all."""
    four = _four(recipe)
    kd = {
        "terms/kd/weight": FloatDistribution(0.3, 3.0, log=True),
        "terms/kd/temperature": FloatDistribution(1.0, 20.0, log=True),
    }
    quest = {
        "terms/quest/weight": FloatDistribution(0.3, 10.0, log=True),
        "terms/quest/words": IntDistribution(16, 1024, log=True),
        "terms/quest/temperature": FloatDistribution(0.1, 5.0, log=True),
    }
    infoflow = {
        "terms/infoflow/weight": FloatDistribution(1.0, 1000.0, log=True),
        "terms/infoflow/decay": FloatDistribution(0.5, 0.95),
    }
    iakd, rco = {"swap/start": FloatDistribution(0.5, 0.95)}, {"route/count": IntDistribution(1, 6)}
    return {
        "KD, tuned": Tuned(recipe=recipe, ranges=kd),
        LABELS + "QUEST, tuned": Tuned(recipe=_beside_labels(recipe, four["QUEST"]), ranges=quest),
        LABELS + "information flow, tuned": Tuned(
            recipe=_beside_labels(recipe, four["information flow"]), ranges=infoflow
        ),
        LABELS + "IAKD, tuned": Tuned(recipe=_beside_labels(recipe, four["IAKD"]), ranges=iakd),
        "KD + RCO, tuned": Tuned(recipe=override(recipe, four["RCO"]), ranges=rco),
        "KD + QUEST, tuned": Tuned(recipe=override(recipe, four["QUEST"]), ranges=quest),
        "KD + information flow, tuned": Tuned(recipe=override(recipe, four["information flow"]), ranges=infoflow),
    }


def _four(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """What each of the four methods puts into a recipe of KD."""
    return _FOUR | {"information flow": {"terms/infoflow": InfoFlow(auxiliary=_auxiliary(recipe))}}


def _auxiliary(recipe: Recipe) -> Auxiliary:
    """Of the student's make with twice the width, as the authors'; fewer epochs, as these networks settle sooner."""
    assert isinstance(recipe.student, CNN)
    model = dataclasses.replace(recipe.student, widths=tuple(2 * width for width in recipe.student.widths))
    return Auxiliary(model=model, pretrain_epochs=12, epochs=12)


def _beside_labels(recipe: Recipe, group: Mapping[str, Any]) -> Recipe:
    return override(recipe, {"terms/cross_entropy": CrossEntropy(weight=1.0), "terms/kd": None} | dict(group))


def _unlabelled(recipe: Recipe, four: Mapping[str, dict[str, Any]]) -> dict[str, Recipe]:
    """Students that see no labels, trained by Adam as the information-flow paper's; they are measured by retrieval."""
    terms = {
        "information flow with the auxiliary teacher": four["information flow"]["terms/infoflow"],
        "information flow without": InfoFlow(),
        "PKT without": PKT(weight=1.0),
    }
    optimiser = Adam(lr=1e-3, schedule=Step(milestones=(0.75,)))
    return {
        UNLABELLED + name: dataclasses.replace(recipe, terms=(term,), optimiser=optimiser)
        for name, term in terms.items()
    }


def _classics(recipe: Recipe) -> dict[str, Recipe]:
    """The other methods, each beside the labels; FSP needs equal widths."""
    fitted = {"crd": alone(CRD(negatives=256)), "ft": alone(FT(first_stage=FirstStage(epochs=6)))}
    options = {name: group for name, group in (methods() | fitted).items() if name not in (*_OURS, "fsp", "ab")}
    return {f"classic {name}": override(recipe, changes(recipe, "method", options, name)) for name in options}
