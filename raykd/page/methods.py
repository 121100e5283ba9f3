"""Which methods helped, alone and together: the trials by what their recipes combine."""

import statistics
from collections.abc import Mapping
from typing import Any

from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.fresh import Fresh
from raykd.methods.iakd import NoSwap
from raykd.methods.rco import FinalTeacher
from raykd.page.evidence import Evidence, Trial
from raykd.page.style import BASELINE, BEST, GROUND, STOPPED, TRIAL, Drawing, figure, is_complete, percent
from raykd.space.serialise import type_name

ALONE = "labels alone"
_NOTHING = {type_name(kind) for kind in (Fresh, FinalTeacher, NoSwap, CrossEntropy)}
_LONGEST = 24  # characters of a line beside a row, after which the next one begins


def methods_of(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """What a recipe has beside labels and a student that begins anew, by the names in its file."""
    parts = [term for term in recipe.get("terms", ()) if term.get("weight", 1.0) > 0]
    parts += [recipe[place] for place in ("start", "route", "swap") if place in recipe]
    return tuple(part["type"].rpartition(".")[2] for part in parts if part["type"] not in _NOTHING)


def methods(evidence: Evidence) -> list[Drawing]:
    """The combinations, and each method with each other; none where all trials have the same methods."""
    shown = [trial for trial in evidence.trials if trial.accuracy is not None and trial.recipe]
    groups: dict[tuple[str, ...], list[Trial]] = {}
    for trial in shown:
        groups.setdefault(methods_of(trial.recipe), []).append(trial)
    if len(groups) < 2:
        return []
    return [_combinations(groups, evidence.best), _pairs(groups)]


def _combinations(groups: Mapping[tuple[str, ...], list[Trial]], best: Trial | None) -> Drawing:
    # From the bottom up, so that the combination with the best trial stands on top.
    ordered = sorted(groups.items(), key=lambda item: max(trial.accuracy or 0.0 for trial in item[1]))
    made = figure(110 + 30 * len(ordered), hovermode="closest", showlegend=True)
    marks = {
        "stopped early": {"color": STOPPED, "symbol": "circle-open", "size": 8},
        "to the end": {"color": TRIAL, "size": 9},
        "baseline": {"color": BASELINE, "symbol": "diamond", "size": 10},
        "the best": {"color": BEST, "symbol": "star", "size": 15},
    }
    for kind, marker in marks.items():
        points = [(words(names), trial) for names, trials in ordered for trial in trials if _kind(trial, best) == kind]
        made.add_scatter(
            x=[percent(trial.accuracy) for _, trial in points],
            y=[name for name, _ in points],
            mode="markers",
            name=kind,
            marker=marker,
            customdata=[[trial.name, trial.setting] for _, trial in points],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>%{x:.1f} %<extra></extra>",
        )
    made.update_xaxes(title="validation, %")
    made.update_yaxes(categoryorder="array", categoryarray=[words(names) for names, _ in ordered])
    text = (
        "Each mark is one run; the best combination stands on top. A search draws more settings where it did well, so "
        "that rows with few marks are known less."
    )
    return Drawing(title="Which methods helped, alone and together", figure=made, text=text)


def _pairs(groups: Mapping[tuple[str, ...], list[Trial]]) -> Drawing:
    """The best accuracy of each two methods together; on the diagonal of each method without another."""
    names = list(dict.fromkeys(name for combination in groups for name in combination))
    cells: list[list[float | None]] = []
    told: list[list[str]] = []
    for row in names:
        found = [_with(groups, row, column) for column in names]
        cells.append([max(values) if values else None for values in found])
        told.append([f"{max(values):.1f}<br>({len(values)})" if values else "" for values in found])
    made = figure(150 + 52 * len(names))
    made.add_heatmap(
        x=names,
        y=names,
        z=cells,
        text=told,
        texttemplate="%{text}",
        colorscale=GROUND,
        showscale=False,
        hoverongaps=False,
        xgap=2,
        ygap=2,
        hovertemplate="%{x} with %{y}: best %{z:.1f} %<extra></extra>",
    )
    made.update_xaxes(showgrid=False)
    made.update_yaxes(showgrid=False, autorange="reversed")
    flat = [value for row in cells for value in row if value is not None]
    text = (
        "The best validation accuracy in percent of all runs that had both, whatever else they had, and in brackets "
        "how many there were; on the diagonal of the method alone."
    )
    if len(flat) > 2:
        made.update_traces(zmin=statistics.quantiles(flat, n=4)[0] - 1.0, zmax=max(flat))
    return Drawing(title="Two methods at a time", figure=made, text=text, least_width=70 * len(names) + 90)


def _with(groups: Mapping[tuple[str, ...], list[Trial]], row: str, column: str) -> list[float]:
    """Accuracies in percent of the trials that have both; where they are one, of those that have nothing else."""
    matching = (
        trials
        for names, trials in groups.items()
        if (names == (row,) if row == column else row in names and column in names)
    )
    return [percent(trial.accuracy) or 0.0 for trials in matching for trial in trials]


def words(names: tuple[str, ...]) -> str:
    """A combination as it is written beside its row."""
    lines = [""]
    for name in names or (ALONE,):
        word = name.replace("_", " ")
        lines[-1] += f"{' + ' if lines[-1] else ''}{word}"
        if len(lines[-1]) > _LONGEST:
            lines.append("")
    return " +<br>".join(filter(None, lines))


def _kind(trial: Trial, best: Trial | None) -> str:
    if best is not None and trial.name == best.name:
        return "the best"
    if trial.is_baseline:
        return "baseline"
    return "to the end" if is_complete(trial.outcome) else "stopped early"
