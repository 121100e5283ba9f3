"""Ranges stand beside defaults; paths reach every value of a recipe, and wrong ones are refused with a reason."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from raykd.space.ranges import describe, fixed, holds, nearest, override, paths, searched, space, value_at

TEMPERATURE = FloatDistribution(1.0, 20.0, log=True)
COUNT = IntDistribution(1, 6)
KIND = CategoricalDistribution(("a", "b"))


@dataclass(frozen=True, kw_only=True)
class Soft:
    name: ClassVar[str] = "soft"
    weight: float = 1.0
    temperature: float = searched(4.0, TEMPERATURE)

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature must be above 0, got {self.temperature}")


@dataclass(frozen=True, kw_only=True)
class Hard:
    name: ClassVar[str] = "hard"
    weight: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Window:
    low: int = 0
    high: int = searched(1, COUNT)
    kind: str = searched("a", KIND)

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")


@dataclass(frozen=True, kw_only=True)
class Whole:
    data: Any = fixed(Window())
    window: Any = Window()
    extra: Any = None
    terms: tuple[Any, ...] = (Soft(), Hard())
    milestones: tuple[int, ...] = (1, 2)
    epochs: int = 3
    verbose: bool = False

    def __post_init__(self) -> None:
        if not any(term.weight for term in self.terms):
            raise ValueError("needs a term whose weight is not 0")


def test_a_default_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"range 1 to 6 does not hold its default 7"):
        searched(7, COUNT)


def test_space_names_every_range_but_those_of_fixed_components():
    assert space(Whole()) == {"window/high": COUNT, "window/kind": KIND, "terms/soft/temperature": TEMPERATURE}


def test_paths_reach_components_and_values():
    assert paths(Whole(data=None, window=None)) == [
        "data",
        "window",
        "extra",
        "terms",
        "terms/soft",
        "terms/soft/weight",
        "terms/soft/temperature",
        "terms/hard",
        "terms/hard/weight",
        "milestones",
        "epochs",
        "verbose",
    ]


@pytest.mark.parametrize("path", paths(Whole()))
def test_putting_a_value_back_where_it_was_changes_nothing(path: str):
    whole = Whole()
    assert override(whole, {path: value_at(whole, path)}) == whole


def test_override_changes_what_it_names_and_nothing_else():
    whole = Whole()
    changed = override(whole, {"terms/soft/temperature": 2.0, "epochs": 9})
    assert changed == Whole(terms=(Soft(temperature=2.0), Hard()), epochs=9)
    assert whole == Whole()


@given(temperature=st.floats(1.0, 20.0), high=st.integers(1, 6), kind=st.sampled_from(["a", "b"]))
def test_what_is_put_in_can_be_read(temperature: float, high: int, kind: str):
    values = {"terms/soft/temperature": temperature, "window/high": high, "window/kind": kind}
    changed = override(Whole(), values)
    assert {path: value_at(changed, path) for path in values} == values


def test_nothing_to_override():
    assert override(Whole(), {}) == Whole()


def test_none_takes_a_named_component_out_and_a_component_comes_in():
    alone = override(Whole(), {"terms/soft": None})
    assert alone.terms == (Hard(),)
    assert override(alone, {"terms/soft": Soft(weight=2.0)}).terms == (Hard(), Soft(weight=2.0))
    assert override(Whole(), {"window": None}).window is None
    assert override(Whole(), {"extra": Window()}).extra == Window()


def test_a_value_may_reach_into_a_component_that_the_same_call_brings():
    values = {"extra/high": 3, "terms/hard/weight": 2.0, "extra": Window(kind="b"), "terms": (Hard(),)}
    changed = override(Whole(), values)
    assert changed.extra == Window(high=3, kind="b")
    assert changed.terms == (Hard(weight=2.0),)


@pytest.mark.parametrize("order", [("low", "high"), ("high", "low")])
def test_rules_between_fields_see_only_the_result(order: tuple[str, str]):
    values = {"low": 4, "high": 6}
    whole = override(Whole(), {f"window/{name}": values[name] for name in order})
    assert whole.window == Window(low=4, high=6)


def test_rules_between_components_see_only_the_result():
    only_soft = Whole(terms=(Soft(weight=1.0), Hard(weight=0.0)))
    changed = override(only_soft, {"terms/soft/weight": 0.0, "terms/hard/weight": 1.0})
    assert [term.weight for term in changed.terms] == [0.0, 1.0]


def test_an_integer_stands_for_a_float():
    changed = override(Whole(), {"terms/soft/temperature": 2})
    assert isinstance(changed.terms[0].temperature, float)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("terms/soft/temprature", "no option 'terms/soft/temprature'; did you mean terms/soft/temperature"),
        ("terms/sofd/weight", "no option 'terms/sofd/weight'; did you mean terms/soft"),
        ("epoch", "no option 'epoch'; did you mean epochs"),
        ("epochs/x", "no option 'epochs/x'; did you mean epochs"),
        ("milestones/0", "no option 'milestones/0'; did you mean milestones"),
        ("extra/high", "no option 'extra/high'"),
        ("", "no option ''"),
    ],
)
def test_wrong_path(path: str, message: str):
    with pytest.raises(KeyError) as caught:
        override(Whole(), {path: 1})
    assert message in caught.value.args[0]


@pytest.mark.parametrize("values", [{"terms/other": None}, {"terms/soft": None, "terms/soft/weight": 1.0}])
def test_what_is_not_there_can_be_neither_taken_out_nor_changed(values: dict[str, Any]):
    with pytest.raises(KeyError, match="no option"):
        override(Whole(), values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"terms/soft/temperature": -1.0}, r"terms/soft/temperature: temperature must be above 0, got -1.0"),
        ({"window/low": 5, "window/high": 4}, r"window: low must be below high, got 5 and 4"),
        ({"terms/soft/weight": 0, "terms/hard/weight": 0}, r"^needs a term whose weight is not 0"),
        ({"terms/soft/temperature": "hot"}, r"terms/soft/temperature: needs a value of type float, got 'hot'"),
        ({"epochs": 2.0}, r"epochs: needs a value of type int, got 2.0"),
        ({"epochs": True}, r"epochs: needs a value of type int, got True"),
        ({"verbose": 1}, r"verbose: needs a value of type bool, got 1"),
        ({"epochs": None}, r"epochs: needs a value of type int, got None"),
        ({"milestones": [1]}, r"milestones: needs a value of type tuple, got \[1\]"),
        ({"window": 3}, r"window: needs a component such as Window\(.*\), got 3"),
        ({"terms/soft": Hard()}, r"terms/soft: only a component named 'soft' fits here, got Hard"),
        ({"terms/new": 3}, r"terms/new: only a component named 'new' fits here, got 3"),
    ],
)
def test_refused_value(values: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        override(Whole(), values)


def test_value_at():
    assert value_at(Whole(), "terms/soft/temperature") == 4.0
    assert value_at(Whole(), "terms/soft") == Soft()
    for path in ("terms/none", "terms/soft/none", "epochs/none"):
        with pytest.raises(KeyError):
            value_at(Whole(), path)


@pytest.mark.parametrize(
    ("distribution", "inside", "outside"),
    [
        (TEMPERATURE, [1.0, 20.0, 4, 1], [0.99, 20.1, True, "4", None]),
        (COUNT, [1, 6], [0, 7, 1.0, True, "1"]),
        (IntDistribution(2, 10, step=4), [2, 6, 10], [3, 8]),
        (FloatDistribution(0.0, 1.0, step=0.25), [0.25, 0], [0.3]),
        (CategoricalDistribution((False, True)), [False, True], [0, 1, "True", None]),
        (CategoricalDistribution((1, None, "a")), [1, None, "a"], [True, 1.0, "b"]),
    ],
)
def test_holds(distribution, inside: list[Any], outside: list[Any]):
    assert [value for value in inside if not holds(distribution, value)] == []
    assert [value for value in outside if holds(distribution, value)] == []


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        (TEMPERATURE, "1.0 to 20.0 (log)"),
        (COUNT, "1 to 6"),
        (IntDistribution(2, 10, step=4), "2 to 10 in steps of 4"),
        (KIND, "one of 'a', 'b'"),
    ],
)
def test_describe(distribution, words: str):
    assert describe(distribution) == words


def test_nearest():
    assert nearest("temprature", ["temperature", "weight"]) == "did you mean temperature"
    assert nearest("zzz", ["temperature", "weight"]) == "choices: temperature, weight"
    assert nearest("zzz", []) == "choices: none"


def test_a_searched_field_is_an_ordinary_field():
    assert Soft().temperature == 4.0
    assert dataclasses.replace(Soft(), temperature=5.0) == Soft(temperature=5.0)
