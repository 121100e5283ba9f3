"""What mattered: how much of the trials' differences each hyperparameter explains, by Optuna's own estimate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import optuna

from raykd.page.evidence import Evidence
from raykd.page.parameters import Parameter, as_study, parameters
from raykd.page.style import BEST, TEACHER, Drawing, figure

LEAST = 10  # trials: of fewer an estimate says nothing
ALL = "all trials"


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Of one hyperparameter.

    Args:
        share: of the variance, 0 to 1; all of the same `among` add up to 1.
        among: `all trials`, or the component that only some trials have.
        count: of trials that the estimate is from.
    """

    path: str
    share: float
    among: str
    count: int


def importances(evidence: Evidence) -> list[Importance]:
    """Of what all trials have, and then within each component that at least ten of them have; the greatest first."""
    trials = evidence.own
    found = parameters(trials)
    if len(trials) < LEAST or len({trial.accuracy for trial in trials}) < 2:
        return []
    # Of another opinion about warnings than raykd: each new study would be told of on the screen.
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = as_study(trials, found)
        return [one for name, among in _groups(found, len(trials)) for one in _explained(study, name, among)]
    finally:
        optuna.logging.set_verbosity(before)


def importance(found: Sequence[Importance]) -> list[Drawing]:
    """A bar for each hyperparameter."""
    if not found:
        return []
    rows = found[::-1]
    made = figure(90 + 26 * len(rows), hovermode="closest", bargap=0.3)
    made.add_bar(
        x=[100 * one.share for one in rows],
        y=[f"{one.path}  ({one.count})" for one in rows],
        orientation="h",
        marker={"color": [BEST if one.among == ALL else TEACHER for one in rows]},
        customdata=[one.among for one in rows],
        hovertemplate="%{y}<br>%{x:.0f} % of the differences within %{customdata}<extra></extra>",
    )
    made.update_xaxes(title="share, %", rangemode="tozero")
    text = (
        "By fANOVA of Optuna. Blue: what every trial has. Green: what only some have, estimated among those alone and "
        "adding up to 100 within each component. In brackets the number of trials, trials stopped early with their "
        "last accuracy: a hint where to look, no proof."
    )
    return [Drawing(title="How much each hyperparameter explains", figure=made, text=text)]


def _groups(found: Sequence[Parameter], count: int) -> Iterator[tuple[str, list[Parameter]]]:
    """Hyperparameters that the same trials have drawn."""
    common = [one for one in found if len(one.values) == count]
    if common:
        yield ALL, common
    rest = [one for one in found if len(one.values) < count]
    for component in dict.fromkeys(one.component for one in rest):
        inner = [one for one in rest if one.component == component]
        most = max((len(one.values) for one in inner), default=0)
        inner = [one for one in inner if len(one.values) == most]
        if most >= LEAST and len(inner) > 1:
            yield component, inner


def _explained(study: optuna.Study, name: str, among: Sequence[Parameter]) -> Iterator[Importance]:
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator, params=[one.path for one in among])
    for path, share in shares.items():
        yield Importance(path=path, share=share, among=name, count=len(among[0].values))
