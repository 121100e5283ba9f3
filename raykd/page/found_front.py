"""What a search of two goals has found so far, read from its folder for the page."""

from dataclasses import dataclass
from typing import Any

import pandas

from raykd.page.evidence import Evidence
from raykd.runs.costs import COSTS, Costs, read_costs
from raykd.runs.front import read_front, rows_of
from raykd.studies.goals import Goal, goal


@dataclass(frozen=True, kw_only=True)
class FoundFront:
    """The front with what it was looked for by.

    Args:
        frame: as of `raykd.runs.front.front_of`, with at least one point.
        costs: of the search's students.
    """

    aim: Goal
    frame: pandas.DataFrame
    costs: Costs

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its points, the cheapest first."""
        return rows_of(self.frame)


def found_front(evidence: Evidence) -> FoundFront | None:
    """None of a search of one goal, and before the first trial has ended."""
    if evidence.search.pareto is None:
        return None
    frame = read_front(evidence.folder)
    if frame is None or frame.empty:
        return None
    return FoundFront(aim=goal(evidence.search.pareto), frame=frame, costs=read_costs(evidence.folder / COSTS))
