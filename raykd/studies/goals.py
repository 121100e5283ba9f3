"""What a search of two goals wants to be low beside a high accuracy: a cost of the student."""

from dataclasses import dataclass

from raykd.errors import InvalidError, nearest
from raykd.evaluation.cost import Cost

PARAMETERS, MULTIPLY_ADDS, LATENCY, LATENCY_64 = "parameters", "multiply_adds", "latency", "latency_64"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A cost of students.

    Args:
        name: as it is typed.
        words: what it is, with its unit.
        batch: images that it is the time of; 0 where nothing is timed.
    """

    name: str
    words: str
    batch: int = 0

    def of(self, cost: Cost) -> float:
        """How much of it a student has."""
        if self.batch:
            return cost.latency_ms[self.batch]
        return float(cost.parameters if self.name == PARAMETERS else cost.multiply_adds)

    def told(self, value: float) -> str:
        """A value with its unit, in three digits or more where it was measured."""
        if self.batch:
            return f"{value:.3g} ms" if value < 100 else f"{value:,.0f} ms"
        return f"{value:,.0f} {'parameters' if self.name == PARAMETERS else 'multiply-adds'}"


GOALS = (
    Goal(name=PARAMETERS, words="parameters"),
    Goal(name=MULTIPLY_ADDS, words="multiply-adds of an image"),
    Goal(name=LATENCY, words="milliseconds for an image", batch=1),
    Goal(name=LATENCY_64, words="milliseconds for 64 images", batch=64),
)


def goal(name: str) -> Goal:
    """The one of that name.

    Raises:
        ValueError: there is none, with those that there are.
    """
    known = {one.name: one for one in GOALS}
    if name not in known:
        raise InvalidError(f"unknown goal {name!r} for pareto; {nearest(name, known)}")
    return known[name]
