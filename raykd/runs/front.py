"""What a search of two goals has found: the front of accuracy and a cost of the student, point by point.

A point is a trial or a baseline that ran to its end and that no other beats: none is at least as accurate at no more
cost. The single runs of the search decide that, as they have one seed and one split. Those that are at the top of many
single runs owe a part of it to luck, so some were trained again with fresh seeds; what these gave is the better word,
and a point may then turn out to be beaten by another one that was confirmed too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raykd.evaluation.cost import Cost
from raykd.evaluation.front import beats, first_front
from raykd.protocols.event import METRIC
from raykd.runs.confirmed import BEHIND, COMPLETE, UNSTEADY, Candidate, Confirmed
from raykd.studies.baselines import PLAIN_KD
from raykd.studies.goals import LATENCY, LATENCY_64, Goal

if TYPE_CHECKING:
    import pandas

FRONT = "front.csv"
SINGLE, CONFIRMED, BEATEN = "single run", "confirmed", "beaten"
_STATES = {COMPLETE: CONFIRMED, BEHIND: BEATEN, UNSTEADY: UNSTEADY}
_TIMES = {LATENCY: 1, LATENCY_64: 64}


@dataclass(frozen=True, kw_only=True)
class Student:
    """What is known of a trial's student beside its accuracy: words that tell it from others, and its cost."""

    words: str
    cost: Cost


def cost_columns(cost: Cost) -> dict[str, int | float]:
    """What stands of a student's cost in a table; times in milliseconds, where they were measured."""
    times = {f"{name}_ms": cost.latency_ms[size] for name, size in _TIMES.items() if size in cost.latency_ms}
    return {"parameters": cost.parameters, "multiply_adds": cost.multiply_adds, **times}


def front_of(
    frame: "pandas.DataFrame", students: Mapping[str, Student], aim: Goal, found: Confirmed | None
) -> "pandas.DataFrame":
    """A row for each point, the cheapest first.

    Columns: `name`, `student`, `setting`, `baseline`; `state`, which is `confirmed`, `single run`, `beaten` by one that
    was confirmed too, or `unsteady` where a fresh seed's training diverged or failed; `accuracy` (the mean of the
    confirmation, or else the single run's), `low` and `high` of its 95 % interval and its `seeds`; `val/accuracy` and
    `test/accuracy` of the single run, whose student is kept; the `cost` that was the goal, and all that is known of
    the costs.

    Args:
        frame: as of `Result`.
        students: by name of the trial.
        found: what was confirmed, if anything was.
    """
    import pandas

    rows: list[dict[str, Any]] = [row for row in frame.to_dict("records") if row["outcome"] == COMPLETE]
    points = [(row[METRIC], aim.of(students[row["name"]].cost)) for row in rows]
    candidates = {each.name: each for each in found.candidates} if found is not None else {}
    made = [_row(rows[place], students, points[place][1], candidates) for place in first_front(points)]
    for row in made:
        others = [(other["accuracy"], other["cost"]) for other in made if other["state"] in (CONFIRMED, BEATEN)]
        if row["state"] == CONFIRMED and any(beats(other, (row["accuracy"], row["cost"])) for other in others):
            row["state"] = BEATEN
    columns = ["name", "student", "setting", "baseline", "state", "accuracy", "low", "high", "seeds", METRIC]
    return pandas.DataFrame(made, columns=None if made else columns)


def read_front(folder: Path) -> "pandas.DataFrame | None":
    """The front of a search, from its folder; None where there is none."""
    import pandas

    file = folder / FRONT
    return pandas.read_csv(file, keep_default_na=False, na_values=[""]) if file.exists() else None


def _row(
    row: Mapping[str, Any], students: Mapping[str, Student], cost: float, candidates: Mapping[str, Candidate]
) -> dict[str, Any]:
    student, candidate = students[row["name"]], candidates.get(row["name"])
    mean = None if candidate is None else candidate.validation
    state = SINGLE if candidate is None or mean is None else _STATES[candidate.state]
    return {
        "name": row["name"],
        "student": student.words,
        "setting": row["setting"],
        "baseline": row["baseline"],
        "state": state,
        "accuracy": row[METRIC] if mean is None else mean.mean,
        "low": math.nan if mean is None else mean.low,
        "high": math.nan if mean is None else mean.high,
        "seeds": 1 if mean is None else mean.count,
        METRIC: row[METRIC],
        "test/accuracy": row.get("test/accuracy", math.nan),
        "cost": cost,
        **cost_columns(student.cost),
    }


def front_in_words(front: "pandas.DataFrame", aim: Goal, found: Confirmed | None, plain: float | None) -> str:
    """What a search of two goals has found, in a line.

    Args:
        plain: cost of the study's own student, with which plain KD was trained.
    """
    points = [row for row in rows_of(front) if row["state"] in (CONFIRMED, SINGLE)]
    if not points:
        return "no trial has run to its end, so there is no front"
    cheapest, dearest = points[0], points[-1]
    ends = f"{_at(cheapest, aim)}" + (f" to {_at(dearest, aim)}" if len(points) > 1 else "")
    sure = sum(row["state"] == CONFIRMED for row in points)
    told = f"a front of {len(points)} point{'s' if len(points) > 1 else ''}, {sure} of them confirmed: {ends}"
    return told + (_against_plain(points, found, plain, aim) if found is not None and plain is not None else "")


def _against_plain(points: Sequence[Mapping[str, Any]], found: Confirmed, plain: float, aim: Goal) -> str:
    """How much better than plain KD the best confirmed point is that costs no more than its student."""
    ours = [row["name"] for row in points if row["cost"] <= plain and row["state"] == CONFIRMED and not row["baseline"]]
    best = next((each for each in found.candidates if each.name in ours or each.is_baseline), None)
    if best is None or not ours:
        return f"; no confirmed point costs no more than plain KD's student ({aim.told(plain)})"
    within = f"; at no more than plain KD's {aim.told(plain)}"
    if PLAIN_KD not in best.over:
        return f"{within} no confirmed point is better than {PLAIN_KD}"
    who = f" no setting beats {best.setting}, which is" if best.is_baseline else ":"
    lead = best.test_over.get(PLAIN_KD) or best.over[PLAIN_KD]
    sure = f"{100 * lead.low:+.1f} to {100 * lead.high:+.1f}" if lead.count > 1 else "1 seed"
    return f"{within}{who} {100 * lead.mean:+.1f} over {PLAIN_KD} ({sure})"


def _at(row: Mapping[str, Any], aim: Goal) -> str:
    return f"{100 * row['accuracy']:.1f} % at {aim.told(row['cost'])}"


def rows_of(front: "pandas.DataFrame") -> list[dict[str, Any]]:
    """Its points, the cheapest first."""
    return [{str(key): value for key, value in row.items()} for row in front.to_dict("records")]


HEADS = ("student", "cost", "validation, %", "test, %", "what it is", "parameters", "multiply-adds", "setting", "trial")


def cells(front: "pandas.DataFrame", aim: Goal) -> list[tuple[str, ...]]:
    """A row for each point with what `HEADS` names."""
    return [
        (
            row["student"],
            aim.told(row["cost"]),
            _share(row["accuracy"]) + ("" if math.isnan(row["low"]) else f" +- {50 * (row['high'] - row['low']):.1f}"),
            _share(row["test/accuracy"]),
            _state(row),
            f"{row['parameters']:,}",
            f"{row['multiply_adds']:,}",
            row["setting"],
            row["name"],
        )
        for row in rows_of(front)
    ]


def _state(row: Mapping[str, Any]) -> str:
    if row["state"] == SINGLE:
        return "one run, not confirmed"
    return f"{row['state']}, {row['seeds']} seeds"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f}"
