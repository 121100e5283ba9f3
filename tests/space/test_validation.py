"""Values of the kinds that a dataclass's fields are declared with; True and False are no numbers."""

from dataclasses import dataclass
from typing import Any

import pytest

from raykd.space.validation import check_fields


@dataclass
class Fields:
    whole: int = 1
    number: float = 1.0
    switch: bool = False
    anything: Any = None
    maybe: int | None = None
    widths: tuple[int, ...] = ()
    pair: tuple[int, float] = (1, 1.0)
    either: bool | int = False
    strides: tuple[int, ...] | None = None


@pytest.mark.parametrize(
    "values",
    [
        {"whole": 3, "number": 3, "switch": True, "anything": True, "maybe": None, "either": True},
        {"number": 0.5, "maybe": 2, "either": 2},
        {"widths": (4, 6), "pair": (1, 2), "strides": (2, 2), "anything": (True, 1)},
        {"widths": (), "strides": None},
    ],
)
def test_what_fits(values: dict[str, Any]):
    check_fields(Fields, values)


@pytest.mark.parametrize(
    ("name", "value", "needs"),
    [
        ("whole", True, "int"),
        ("number", False, "float"),
        ("whole", 0.5, "int"),
        ("switch", 1, "bool"),
        ("maybe", True, r"int \| None"),
        ("widths", (4, True), r"tuple\[int, ...\]"),
        ("widths", (4, 0.5), r"tuple\[int, ...\]"),
        ("widths", [4, 6], r"tuple\[int, ...\]"),
        ("pair", (1, True), r"tuple\[int, float\]"),
        ("pair", (1,), r"tuple\[int, float\]"),
        ("strides", (True,), r"tuple\[int, ...\] \| None"),
    ],
)
def test_what_does_not(name: str, value: Any, needs: str):
    with pytest.raises(ValueError, match=f"^{name}: needs {needs}, got "):
        check_fields(Fields, {name: value})
