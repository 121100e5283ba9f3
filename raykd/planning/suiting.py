"""The methods that suit two networks: each is tried on their shapes, and what does not fit is left out.

So is the part of a range that does not: more words than there are feature vectors, more anchors than checkpoints.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, IntDistribution

from raykd.errors import InvalidError
from raykd.methods.attention import Attention
from raykd.methods.dist import DIST
from raykd.methods.fitnet import FitNet
from raykd.methods.iakd import IAKD, WITHOUT_DROPS, NoSwap
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher
from raykd.methods.rkd import RKD
from raykd.methods.sp import SP
from raykd.recipe import Recipe
from raykd.space.ranges import override, space, value_at

# Beside plain KD, in the order in which a search tries them. Words are fewer than the default's 4096, which small
# pictures have no vectors for.
_TERMS = (
    ("terms/quest", Quest(words=256)),
    ("terms/infoflow", InfoFlow()),
    ("terms/dist", DIST()),
    ("terms/attention", Attention()),
    ("terms/sp", SP()),
    ("terms/rkd", RKD()),
    ("terms/fitnet", FitNet()),
)
_PLACES = (
    ("route", "equal interval", EqualInterval(), "final teacher", FinalTeacher()),
    ("swap", "iakd", IAKD(schedule="growth"), "off", NoSwap()),
)


@dataclass(frozen=True, kw_only=True)
class Suiting:
    """What a study offers beside plain KD.

    Args:
        choices, ranges: as `Study.choices` and `Study.ranges`.
        first: as `Study.first`, plain KD first and then one method each.
        left_out: what does not suit the networks, by path, with the reason in a line.
    """

    choices: Mapping[str, Mapping[str, Any]]
    ranges: Mapping[str, BaseDistribution | None]
    first: tuple[Mapping[str, Any], ...]
    left_out: Mapping[str, str]


def suiting(recipe: Recipe) -> Suiting:
    """The methods that suit a recipe of plain KD, by the shapes of its networks and its data.

    Raises:
        ValueError, FileNotFoundError: the recipe itself cannot work.
    """
    recipe.check()
    choices: dict[str, Mapping[str, Any]] = {"terms/kd": {"on": _kd(recipe), "off": None}}
    first: list[Mapping[str, Any]] = [{}]
    left_out: dict[str, str] = {}
    ranges: dict[str, BaseDistribution | None] = {"optimiser/nesterov": None}
    for path, name, component, usual in _offered():
        placed = override(recipe, {path: component})
        try:
            placed.check()
        except InvalidError as error:
            left_out[path] = str(error)
            continue
        ranges |= _narrowed(placed, path)
        choices[path] = {usual[0]: usual[1], name: component}
        first.append({path: name})
    return Suiting(choices=choices, ranges=ranges, first=tuple(first), left_out=left_out)


def _offered() -> Iterator[tuple[str, str, Any, tuple[str, Any]]]:
    for path, term in _TERMS:
        yield path, "on", term, ("off", None)
    for path, name, component, usual, itself in _PLACES:
        yield path, name, component, (usual, itself)


def _narrowed(recipe: Recipe, component: str) -> dict[str, BaseDistribution]:
    """The ranges of a component that do not fit as they are, as far as they do."""
    found: dict[str, BaseDistribution] = {}
    for path, distribution in space(recipe).items():
        if not path.startswith(f"{component}/"):
            continue
        if isinstance(distribution, IntDistribution):
            high, usual = distribution.high, value_at(recipe, path)
            while high > usual and not _suits(recipe, path, high):
                high = max(usual, high // 2)
            if high < distribution.high:
                found[path] = IntDistribution(distribution.low, high, log=distribution.log, step=distribution.step)
        elif path == "swap/schedule" and not recipe.optimiser.schedule.drops(recipe.epochs):
            found[path] = WITHOUT_DROPS
    return found


def _suits(recipe: Recipe, path: str, value: object) -> bool:
    try:
        override(recipe, {path: value}).check()
    except InvalidError:
        return False
    return True


def _kd(recipe: Recipe) -> KD:
    return next(term for term in recipe.terms if isinstance(term, KD))
