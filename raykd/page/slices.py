"""Slices: the accuracy of the trials against each hyperparameter that they have drawn, component by component."""

from collections.abc import Sequence
from typing import Any

from raykd.page.evidence import Evidence, Trial
from raykd.page.parameters import Parameter, parameters
from raykd.page.style import BASELINE, BEST, STOPPED, TRIAL, Drawing, figure, is_complete, percent


def slices(evidence: Evidence) -> dict[str, list[Drawing]]:
    """By component, such as `terms/kd` or `optimiser`, a small figure for each of its hyperparameters."""
    trials = evidence.own
    found: dict[str, list[Drawing]] = {}
    for one in parameters(trials):
        found.setdefault(one.component, []).append(_slice(one, trials, evidence.best, evidence.plain_kd))
    return dict(sorted(found.items(), key=lambda item: _place(item[0])))


def _place(component: str) -> tuple[bool, str]:
    return not component.startswith("terms"), component  # the optimiser and the like after the methods


def _slice(one: Parameter, trials: Sequence[Trial], best: Trial | None, plain_kd: Trial | None) -> Drawing:
    made = figure(250, hovermode="closest", margin={"l": 44, "r": 8, "t": 8, "b": 40})
    have = [trial for trial in trials if trial.name in one.values]
    for complete, marker in ((False, {"color": STOPPED, "symbol": "circle-open"}), (True, {"color": TRIAL})):
        _add(made, one, [trial for trial in have if is_complete(trial.outcome) == complete], marker | {"size": 8})
    if best is not None and best in have:
        _add(made, one, [best], {"color": BEST, "symbol": "star", "size": 15})
    if not one.is_number:
        made.update_xaxes(tickvals=list(range(len(one.options))), ticktext=one.options, showgrid=False)
        made.update_xaxes(range=[-0.5, len(one.options) - 0.5])
    elif one.is_log:
        made.update_xaxes(type="log", dtick="D2" if one.ends[1] / one.ends[0] < 100 else 1)
    made.update_yaxes(title="%")
    if plain_kd is not None:
        level, line = percent(plain_kd.accuracy), {"color": BASELINE, "width": 1.5, "dash": "dash"}
        made.add_shape(type="line", xref="paper", x0=0, x1=1, y0=level, y1=level, line=line, layer="below")
    missing = len(trials) - len(have)
    count = f"{len(have)} trials" + (f", {missing} without it" if missing else "")
    return Drawing(title=one.word, figure=made, text=count, is_small=True)


def _add(made: Any, one: Parameter, trials: Sequence[Trial], marker: dict[str, Any]) -> None:
    values = [one.values[trial.name] for trial in trials]
    made.add_scatter(
        x=values if one.is_number else [one.options.index(str(value)) + _aside(i) for i, value in enumerate(values)],
        y=[percent(trial.accuracy) for trial in trials],
        mode="markers",
        marker=marker,
        customdata=[
            [trial.name, trial.setting, trial.outcome, str(value)] for trial, value in zip(trials, values, strict=True)
        ],
        hovertemplate="%{customdata[0]} (%{customdata[2]})<br>%{customdata[1]}<br>%{customdata[3]}: %{y:.1f} %"
        "<extra></extra>",
    )


def _aside(number: int) -> float:
    """Moves a mark off its word's middle, so that equal ones do not hide each other: the golden ratio's multiples."""
    return 0.0 if number == 0 else 0.3 * (number * 0.618 % 1.0 - 0.5)
