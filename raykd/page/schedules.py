"""What the routes and the swaps did: which checkpoint taught each epoch, and how much of the student was its own."""

from collections.abc import Sequence

from raykd.page.evidence import Evidence, Trial
from raykd.page.style import SCALE, Drawing, figure, percent

_ANCHOR, _KEEP = "train/anchor", "train/keep"


def schedules(evidence: Evidence) -> list[Drawing]:
    """A figure of the anchors where some trial changes its own, and one of the swaps where some trial has any."""
    climbing = [trial for trial in evidence.own if len({epoch.get(_ANCHOR) for epoch in trial.epochs}) > 1]
    swapping = [trial for trial in evidence.own if any(epoch.get(_KEEP, 1.0) < 1.0 for epoch in trial.epochs)]
    found: list[Drawing] = []
    if climbing:
        text = "The epoch of the teacher whose checkpoint taught the student, by epoch of the student."
        made = _lines(climbing, _ANCHOR, "epoch of the teacher", evidence)
        found.append(Drawing(title="Anchor schedules", figure=made, text=text))
    if swapping:
        text = "The chance with which a stage of the student was its own and not the teacher's, by epoch."
        made = _lines(swapping, _KEEP, "stages kept, share", evidence)
        found.append(Drawing(title="Swap schedules", figure=made, text=text))
    return found


def _lines(trials: Sequence[Trial], key: str, axis: str, evidence: Evidence):
    from plotly.colors import sample_colorscale

    every = [percent(trial.accuracy) or 0.0 for trial in evidence.own]
    low, high = min(every), max(every)
    made = figure(330, hovermode="closest")
    for trial in reversed(trials):
        accuracy = percent(trial.accuracy) or 0.0
        points = [(epoch["number"], epoch[key]) for epoch in trial.epochs if key in epoch]
        colour = str(sample_colorscale(SCALE, [(accuracy - low) / max(high - low, 1e-9)])[0])
        made.add_scatter(
            x=[number for number, _ in points],
            y=[value for _, value in points],
            mode="lines",
            line={"shape": "hv", "color": colour, "width": 2.5},
            hovertemplate=f"{trial.name}: {accuracy:.1f} % ({trial.outcome})<br>{trial.setting}<br>"
            "epoch %{x}: %{y}<extra></extra>",
        )
    # Nothing but a scale beside it that says which colour is which accuracy.
    marker = {"colorscale": SCALE, "cmin": low, "cmax": high, "color": [low], "size": 0.1, "showscale": True}
    marker["colorbar"] = {"title": {"text": "validation, %"}, "thickness": 12, "outlinewidth": 0}
    made.add_scatter(x=[None], y=[None], mode="markers", marker=marker, hoverinfo="skip")
    made.update_xaxes(title="epoch of the student")
    return made.update_yaxes(title=axis)
