"""What stands in a pickle's place for objects that are not made: inert, whatever the file has them do.

`raykd.storage.inert_pickle` says when.
"""

import re
from typing import Any

import numpy as np


class StandIn(dict[Any, Any]):
    """In place of an object of any class: its entries, if it was a dictionary, and the state that it was given.

    A hash and an equality of its own, as it may be a key.
    """

    origin: str = ""  # the class that was asked for, such as `argparse.Namespace`
    state: Any = None

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__()

    def __call__(self, *arguments: Any, **options: Any) -> "StandIn":
        return StandIn()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        """Takes what is meant for a list of another class, and drops it."""

    add = extend = append
    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]  # a dict has none
    __eq__ = object.__eq__


class Array(StandIn):
    """In place of a NumPy array, whose content comes after it, as a state.

    Args:
        value: None where it is no array of numbers.
    """

    value: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, content = state
        if isinstance(kind, Kind) and (dtype := kind.numbers()) is not None:
            self.value = np.frombuffer(as_bytes(content), dtype).reshape(shape, order="F" if by_columns else "C")


class Kind(StandIn):
    """In place of a NumPy dtype: `f8` and the like as an argument, the order of its bytes in its state."""

    def __init__(self, code: Any = "", *more: Any):
        super().__init__()
        self.code = code

    def numbers(self) -> np.dtype | None:
        """NumPy's dtype, where it is one of numbers or truth values."""
        if not (isinstance(self.code, str) and re.fullmatch(r"[biufc]\d{1,2}", self.code)):
            return None
        order = self.state[1] if self.state else "|"
        return np.dtype(order + self.code if order in "<>" else self.code)


def as_bytes(content: Any) -> bytes:
    """Bytes as a pickle holds them: those of Python 2 were read as a string of as many characters."""
    return content.encode("latin1") if isinstance(content, str) else bytes(content)
