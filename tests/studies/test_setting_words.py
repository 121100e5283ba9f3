"""A trial in a few words: what differs from plain KD, with values."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from raykd.cluster.tuner.trials import Trials
from raykd.methods.ab import AB
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval
from raykd.models.cnn import CNN
from raykd.optim import SGD, Adam, Cosine
from raykd.protocols.method import Shapes
from raykd.space.ranges import override
from raykd.storage.local import LocalStorage
from raykd.studies.baselines import ALONE, baselines
from raykd.studies.study import Study
from raykd.studies.words import in_a_few_words
from tiny import recipe

LABELS = CrossEntropy()
TENTH = CrossEntropy(weight=0.1)
PLAIN = KD(weight=0.9)


@dataclass(frozen=True, kw_only=True)
class OwnRoute:
    """A route of a user's: the final teacher."""

    restart: bool = False
    every_few: int = 2

    def check(self, shapes: Shapes, epochs: int) -> None:
        pass

    def starts(self, epochs: int) -> tuple[int, ...]:
        return (0,)

    def choose(self, visited: tuple[int, ...], num_checkpoints: int, ratio: Any) -> int:
        return num_checkpoints


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "plain KD"),
        ({"terms": (TENTH, KD(weight=0.7, temperature=3.14159))}, "KD T 3.14 w 0.7"),
        ({"terms": (CrossEntropy(weight=0.25), PLAIN)}, "labels w 0.25"),
        ({"terms": (PLAIN,)}, "no labels"),
        ({"terms": (TENTH, PLAIN, Quest(words=256, temperature=0.75))}, "quest K 256 T 0.75 + KD"),
        ({"terms": (LABELS, Quest(words=256, weight=2.0))}, "quest K 256 w 2"),
        ({"terms": (LABELS,), "swap": IAKD(schedule="growth", start=0.7)}, "iakd growth 0.7"),
        (
            {"terms": (LABELS,), "swap": IAKD(schedule="growth", start=0.7), "route": EqualInterval(count=3)},
            "iakd growth 0.7 + equal interval 3",
        ),
        ({"route": EqualInterval()}, "equal interval + KD"),
        ({"route": EqualInterval(restart=True)}, "equal interval restart + KD"),
        ({"start": AB(), "terms": (LABELS,)}, "ab"),
        ({"optimiser": SGD(lr=0.08)}, "lr 0.08"),
        ({"optimiser": SGD(lr=0.08, weight_decay=1e-5, nesterov=True)}, "lr 0.08, nesterov, wd 1e-5"),
        ({"optimiser": Adam()}, "adam, lr 0.001, wd 0, constant"),
        ({"optimiser": SGD(schedule=Cosine())}, "cosine, warm up 0"),
        ({"epochs": 3, "batch_size": 4}, "epochs 3, batch 4"),
        ({"student": CNN(widths=(4, 7))}, "widths (4,7)"),
        ({"terms": (LABELS, KD(weight=0.0))}, "student alone"),
        ({"terms": (LABELS,), "optimiser": SGD(lr=0.08)}, "labels alone, lr 0.08"),
        ({"terms": (CrossEntropy(weight=0.5),)}, "labels alone, labels w 0.5"),
        ({"route": OwnRoute(every_few=3)}, "OwnRoute every few 3 + KD"),
    ],
)
def test_what_differs_from_plain_kd(changes: dict[str, Any], words: str):
    assert in_a_few_words(recipe(**changes), recipe()) == words


def test_numbers_have_three_digits():
    rates = {0.0123456: "lr 0.0123", 2.5e-5: "lr 2.50e-5", 1234.56: "lr 1235", 2e4: "lr 2e4"}
    base = recipe()
    for rate, words in rates.items():
        assert in_a_few_words(override(base, {"optimiser/lr": rate}), base) == words


def test_what_is_long_is_cut_between_words():
    many = recipe(
        terms=(
            CrossEntropy(weight=0.25),
            KD(weight=0.7, temperature=3.0),
            Quest(words=256, temperature=0.75, weight=2.0),
        ),
        swap=IAKD(schedule="growth", start=0.7),
        route=EqualInterval(count=3),
        optimiser=SGD(lr=0.01),
    )
    assert in_a_few_words(many, recipe()) == "quest K 256 T 0.75 w 2 + iakd growth 0.7 + equal ..."


def test_a_base_recipe_that_is_not_plain_kd_makes_no_difference():
    base = recipe(terms=(LABELS,), swap=IAKD())
    assert in_a_few_words(base, base) == "iakd"
    assert in_a_few_words(baselines(base)[ALONE], base) == ALONE
    assert in_a_few_words(replace(recipe(), epochs=9), replace(base, epochs=9)) == "plain KD"


def test_a_trials_setting_is_what_it_trains(tmp_path):
    trials = Trials(Study(recipe=recipe()), tmp_path, LocalStorage(root=tmp_path))
    assert (
        trials.setting({"number": 0, "values": {"optimiser/lr": 0.08, "terms/kd/temperature": 2.0}})
        == "KD T 2, lr 0.08"
    )
    assert trials.setting({"baseline": "plain KD", "values": {}}) == "plain KD"
