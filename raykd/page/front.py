"""The front of a search of two goals on the page: accuracy against a cost of the student, and a table of its points."""

import math
from collections.abc import Sequence
from typing import Any

from plotly.graph_objects import Figure

from raykd.page.evidence import Evidence, Trial
from raykd.page.found_front import FoundFront, found_front
from raykd.page.style import BASELINE, BEST, STOPPED, TRIAL, Drawing, figure, percent
from raykd.runs.costs import Costs
from raykd.runs.front import BEATEN, CONFIRMED
from raykd.space.serialise import decode
from raykd.studies.goals import Goal

_LOGARITHMIC = 8.0  # of costs that differ by more


def front(evidence: Evidence, types: Sequence[type] = ()) -> list[Drawing]:
    """One figure; none of a search of one goal, or before it has a front."""
    if (found := found_front(evidence)) is None:
        return []
    aim, points, names = found.aim, found.rows, {*found.frame["name"]}
    made = figure(440, showlegend=True, hovermode="closest")
    _add_others(made, [trial for trial in evidence.trials if trial.name not in names], found, types)
    line = [row for row in points if row["state"] != BEATEN]
    made.add_scatter(
        x=[row["cost"] for row in line],
        y=[percent(row["accuracy"]) for row in line],
        mode="lines",
        line={"color": BEST, "width": 1.5, "shape": "hv"},
        showlegend=False,
        hoverinfo="skip",
    )
    kinds = {
        "the front, confirmed": [row for row in points if row["state"] == CONFIRMED],
        "the front, one run": [row for row in points if math.isnan(row["low"])],
        "beaten when confirmed": [row for row in points if row["state"] == BEATEN],
    }
    costs = [row["cost"] for row in points]
    for name, rows in kinds.items():
        if rows:
            _add_points(made, name, rows, aim, max(costs))
    is_log = max(costs) > _LOGARITHMIC * min(costs) > 0
    made.update_xaxes(title=_axis(found.costs, aim), type="log" if is_log else "linear")
    made.update_yaxes(title="validation, %")
    text = (
        "Up and to the left is better. Filled: the mean of fresh seeds, with its 95 % interval. Hollow: a single run, "
        "the best of many, so a little too good. Faint: trials that are not on the front."
    )
    return [Drawing(title=f"Accuracy against {aim.words}", figure=made, text=text)]


def _axis(costs: Costs, aim: Goal) -> str:
    if not aim.batch:
        return aim.words
    return f"{aim.words}, median on {costs.device}, {costs.threads} thread(s)"


def _add_points(made: Figure, name: str, rows: Sequence[dict[str, Any]], aim: Goal, most: float) -> None:
    is_single = math.isnan(rows[0]["low"])
    colour = STOPPED if rows[0]["state"] == BEATEN else BEST
    made.add_scatter(
        x=[row["cost"] for row in rows],
        y=[percent(row["accuracy"]) for row in rows],
        error_y=None
        if is_single
        else {
            "type": "data",
            "symmetric": False,
            "array": [100 * (row["high"] - row["accuracy"]) for row in rows],
            "arrayminus": [100 * (row["accuracy"] - row["low"]) for row in rows],
            "thickness": 1.5,
        },
        mode="markers+text",
        text=[row["student"] for row in rows],
        textposition=["top left" if row["cost"] == most else "bottom right" for row in rows],  # within the picture
        marker={
            "size": 12,
            "color": colour,
            "symbol": [("diamond" if row["baseline"] else "circle") + ("-open" if is_single else "") for row in rows],
            "line": {"width": 2, "color": colour},
        },
        name=name,
        customdata=[[row["name"], row["setting"], aim.told(row["cost"])] for row in rows],
        hovertemplate="%{text}<br>%{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]}, %{y:.1f} %<extra></extra>",
    )


def _add_others(made: Figure, trials: Sequence[Trial], found: FoundFront, types: Sequence[type]) -> None:
    """All that ran to their ends and are not on the front: baselines as diamonds, the others faint."""
    for name, is_baseline, colour in (("baselines", True, BASELINE), ("trials", False, TRIAL)):
        ended = [trial for trial in trials if trial.outcome == "complete" and trial.is_baseline == is_baseline]
        shown = [trial for trial in ended if trial.accuracy is not None and trial.recipe]
        if not shown:
            continue
        made.add_scatter(
            x=[found.aim.of(found.costs.of(decode(trial.recipe["student"], types))) for trial in shown],
            y=[percent(trial.accuracy) for trial in shown],
            mode="markers",
            name=f"{name}, one run",
            marker={"size": 9, "color": colour, "symbol": "diamond" if is_baseline else "circle"},
            opacity=0.9 if is_baseline else 0.35,
            customdata=[[trial.name, trial.setting] for trial in shown],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>%{y:.1f} %<extra></extra>",
        )
