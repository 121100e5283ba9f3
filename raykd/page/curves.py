"""Learning curves: the validation accuracy of every trial, epoch by epoch."""

import statistics

from raykd.page.evidence import Evidence, Trial
from raykd.page.style import BASELINE, BEST, STOPPED, TRIAL, Drawing, figure, percent
from raykd.protocols.event import METRIC
from raykd.studies.baselines import ALONE

_KINDS = {
    "stopped early": {"color": STOPPED, "width": 1},
    "trials": {"color": TRIAL, "width": 1},
    "baselines": {"color": BASELINE, "width": 2.5},
    "the best": {"color": BEST, "width": 3.5},
}


def curves(evidence: Evidence) -> list[Drawing]:
    """One figure; none before the first epoch."""
    shown = [trial for trial in evidence.trials if trial.epochs]
    if not shown:
        return []
    made = figure(430, showlegend=True, hovermode="closest")
    best = evidence.best
    for kind in _KINDS:
        first = True
        for trial in shown:
            if _kind(trial, best) != kind:
                continue
            line = _KINDS[kind] | ({"dash": "dot"} if trial.setting == ALONE else {})
            made.add_scatter(
                x=[epoch["number"] for epoch in trial.epochs],
                y=[percent(epoch[METRIC]) for epoch in trial.epochs],
                mode="lines",
                name=trial.setting if kind in ("the best", "baselines") else kind,
                legendgroup=trial.name if kind in ("the best", "baselines") else kind,
                showlegend=first or kind == "baselines",
                line=line,
                opacity=0.7 if kind in ("trials", "stopped early") else 1.0,
                hovertemplate=f"{trial.name}<br>{trial.setting}<br>epoch %{{x}}: %{{y:.1f}} %<extra></extra>",
            )
            first = False
    values = [percent(epoch[METRIC]) or 0.0 for trial in shown for epoch in trial.epochs]
    low = statistics.quantiles(values, n=4)[0] if len(values) > 1 else 0.0
    made.update_xaxes(title="epoch")
    made.update_yaxes(title="validation, %", range=[low, max(values) + 1.5])
    text = "Single runs, so a point up or down is luck. The axis begins where a quarter of all values lies below; a "
    return [Drawing(title="Learning curves", figure=made, text=text + "double click shows all of it.")]


def _kind(trial: Trial, best: Trial | None) -> str:
    if best is not None and trial.name == best.name:
        return "the best"
    if trial.is_baseline:
        return "baselines"
    return "stopped early" if trial.outcome == "stopped" else "trials"
