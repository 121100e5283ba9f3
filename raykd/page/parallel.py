"""Parallel coordinates over all trials: a line each, through a place for `not chosen` where it did not draw a value.

Neither Plotly's own figure of that kind nor Optuna's has such a place, so that they drop every trial that leaves out
one hyperparameter, which are nearly all of them where there are choices.
"""

from collections.abc import Sequence
from typing import Any

from raykd.page.evidence import Evidence, Trial
from raykd.page.importance import ALL, Importance
from raykd.page.parameters import Parameter, component_of, parameters
from raykd.page.style import SCALE, Drawing, figure, percent

_NOT_CHOSEN = -0.14
_MOST_OPTIONS = 8  # that have a word each on an axis


def parallel(evidence: Evidence, mattered: Sequence[Importance]) -> list[Drawing]:
    """One figure; none with fewer than two trials."""
    trials = evidence.own[::-1]  # the best one is drawn last, above all others
    found = _in_order(parameters(trials), mattered)
    if len(trials) < 2 or not found:
        return []
    worst, best = (percent(trial.accuracy) or 0.0 for trial in (trials[0], trials[-1]))
    spread = max(best - worst, 1e-9)
    made = figure(560, hovermode="closest", margin={"l": 24, "r": 24, "t": 24, "b": 150})
    for trial in trials:
        accuracy = percent(trial.accuracy) or 0.0
        share = (accuracy - worst) / spread
        places = [_place(one, trial) for one in found]
        told = "<br>".join(f"{path}: {_short(value)}" for path, value in trial.values.items())
        made.add_scatter(
            x=list(range(len(found) + 1)),
            y=[*places, share],
            mode="lines",
            line={"color": _colour(share), "width": 1 + 2 * share**2},
            opacity=0.35 + 0.65 * share**2,
            hovertemplate=f"{trial.name}: {accuracy:.1f} % ({trial.outcome})<br>{told}<extra></extra>",
        )
    _add_axes(made, found, worst, best)
    text = (
        "Every trial is a line, the best ones orange. Each axis goes from the lowest to the highest value that was "
        "drawn; at the bottom is who has not drawn it, as what it belongs to was not chosen. The last axis is the "
        "validation accuracy."
    )
    return [Drawing(title="Parallel coordinates", figure=made, text=text, least_width=70 * len(found))]


def _in_order(found: Sequence[Parameter], mattered: Sequence[Importance]) -> list[Parameter]:
    """What belongs together stands together; the component that explains most stands next to the accuracy."""
    share = dict[str, float]()
    for one in mattered:
        if one.among == ALL:
            component = component_of(one.path)
            share[component] = share.get(component, 0.0) + one.share
    return sorted(found, key=lambda one: (share.get(one.component, 0.0), one.component, one.path != one.component))


def _place(one: Parameter, trial: Trial) -> float:
    return one.place(one.values[trial.name]) if trial.name in one.values else _NOT_CHOSEN


def _add_axes(made: Any, found: Sequence[Parameter], worst: float, best: float) -> None:
    line = {"type": "line", "y0": 0, "y1": 1, "line": {"color": "#8a8f98", "width": 1}, "layer": "below"}
    last = len(found)
    words = [(x, place, word) for x, one in enumerate(found) for place, word in _ticks(one)]
    words += [(last, 0.0, f"{worst:.1f} %"), (last, 1.0, f"{best:.1f} %")]
    text = {"showarrow": False, "xshift": 4, "xanchor": "left", "font": {"size": 10}}
    # All at once: added one by one, Plotly checks all that were there before each time.
    made.update_layout(
        shapes=[line | {"x0": x, "x1": x} for x in range(last + 1)],
        annotations=[text | {"x": x, "y": place, "text": word} for x, place, word in words],
    )
    labels = [one.path for one in found] + ["validation accuracy"]
    made.update_xaxes(tickvals=list(range(len(labels))), ticktext=labels, tickangle=-55, showgrid=False)
    made.update_xaxes(range=[-0.4, len(found) + 0.6])
    made.update_yaxes(tickvals=[_NOT_CHOSEN], ticktext=["not chosen"], range=[-0.2, 1.06], showgrid=False)


def _ticks(one: Parameter) -> list[tuple[float, str]]:
    if one.is_number:
        low, high = one.ends
        return [(0.0, _short(low)), (1.0, _short(high))]
    options = one.options
    return [(one.place(option), option) for option in options] if len(options) <= _MOST_OPTIONS else []


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _colour(share: float) -> str:
    """Between the colours of the scale, as a line has a single one."""
    from plotly.colors import sample_colorscale

    return str(sample_colorscale(SCALE, [share])[0])
