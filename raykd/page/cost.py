"""Where the time went: what was trained for how long, and what each trial cost for what it gave."""

import math

from raykd.page.evidence import Evidence
from raykd.page.style import BASELINE, BEST, STOPPED, TEACHER, TRIAL, Drawing, figure, is_complete, percent

_COLOURS = {
    "trials to the end": TRIAL,
    "trials stopped early": STOPPED,
    "baselines": BASELINE,
    "confirmation": TEACHER,
}


def seconds_by_kind(evidence: Evidence) -> dict[str, float]:
    """Seconds of training, all trials added up, whether they ran at the same time or not."""
    own = [trial for trial in evidence.trials if not trial.is_baseline]
    return {
        "trials to the end": math.fsum(trial.seconds for trial in own if is_complete(trial.outcome)),
        "trials stopped early": math.fsum(trial.seconds for trial in own if not is_complete(trial.outcome)),
        "baselines": math.fsum(trial.seconds for trial in evidence.trials if trial.is_baseline),
        "confirmation": math.fsum(trial.seconds for trial in evidence.confirming),
    }


def cost(evidence: Evidence) -> list[Drawing]:
    """Two figures; none before the first epoch."""
    spent = seconds_by_kind(evidence)
    if not sum(spent.values()):
        return []
    unit, word = (60.0, "minutes") if sum(spent.values()) > 300 else (1.0, "seconds")
    made = figure(210, hovermode="closest")
    made.add_bar(
        x=[seconds / unit for seconds in spent.values()],
        y=list(spent),
        orientation="h",
        marker={"color": [_COLOURS[name] for name in spent]},
        hovertemplate=f"%{{y}}: %{{x:.1f}} {word}<extra></extra>",
    )
    made.update_xaxes(title=word)
    made.update_yaxes(autorange="reversed")
    text = (
        "Seconds of all epochs added up, also of those that ran at the same time. What trials share and what was made "
        "once, such as the teacher and codebooks, is not in it, nor what groups of workers need to come up."
    )
    return [Drawing(title="Where the time went", figure=made, text=text), _against_accuracy(evidence)]


def _against_accuracy(evidence: Evidence) -> Drawing:
    shown = [trial for trial in evidence.trials if trial.accuracy is not None]
    best = evidence.best
    made = figure(330, hovermode="closest")
    made.add_scatter(
        x=[trial.seconds / len(trial.epochs) for trial in shown],
        y=[percent(trial.accuracy) for trial in shown],
        mode="markers",
        marker={
            "size": [15 if trial is best else 9 for trial in shown],
            "symbol": ["star" if trial is best else "diamond" if trial.is_baseline else "circle" for trial in shown],
            "color": [BEST if trial is best else BASELINE if trial.is_baseline else TRIAL for trial in shown],
            "opacity": [1.0 if is_complete(trial.outcome) else 0.4 for trial in shown],
        },
        customdata=[[trial.name, trial.setting, trial.outcome] for trial in shown],
        hovertemplate="%{customdata[0]} (%{customdata[2]})<br>%{customdata[1]}<br>%{x:.2f} s an epoch, %{y:.1f} %"
        "<extra></extra>",
    )
    made.update_xaxes(title="seconds an epoch", rangemode="tozero")
    made.update_yaxes(title="validation, %")
    text = "Faint: not trained to the end. Star: the best. Diamonds: baselines."
    return Drawing(title="What a trial cost for what it gave", figure=made, text=text)
