"""What answers in ten seconds: what won, by how much, how sure that is, what it cost, how to use it. Plain HTML."""

from collections.abc import Iterator
from dataclasses import dataclass

from raykd.evaluation.comparison import Difference
from raykd.page.cost import seconds_by_kind
from raykd.page.evidence import Evidence
from raykd.page.found_front import FoundFront, found_front
from raykd.reporting.interval_plot import Row, interval_plot
from raykd.reporting.status_line import clock
from raykd.runs.confirmed import Candidate
from raykd.runs.front import BEATEN
from raykd.runs.shown import intervals
from raykd.runs.verdict import better_alone, in_percent
from raykd.studies.baselines import ALONE, PLAIN_KD

_MOST = 6  # single runs in the picture


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A number with what it is."""

    number: str
    words: str


def headline(evidence: Evidence) -> str:
    """Who won, in a few words."""
    best = evidence.best
    if best is None:
        return "Nothing has run to its end yet"
    if (front := found_front(evidence)) is not None:
        return f"A front of {len(front.rows)} points: accuracy against {front.aim.words}"
    if (winner := _winner(evidence)) is not None:
        lead = _lead(winner)[0]
        if winner.is_baseline:
            return f"No setting is better than {winner.setting}"
        if lead is not None and not (lead.is_sure and lead.mean > 0):
            return f"{winner.setting}: not surely better than {PLAIN_KD}"
    if evidence.state == "finished":
        return best.setting
    return f"Best so far: {best.setting}"


def verdict(evidence: Evidence) -> str:
    """The search's own, or how far it is."""
    if evidence.state != "running" and evidence.summary is not None:
        return evidence.summary["verdict"].replace("+-", "\u00b1")
    if evidence.status is None:
        return "it has told nothing of itself yet"
    ended, total = len(evidence.status.ended), evidence.status.total
    doing = f"; {evidence.status.doing}" if evidence.status.doing else ""
    return f"{ended} of {total} trials have ended{doing}; single runs so far, which prove nothing"


def facts(evidence: Evidence) -> Iterator[Fact]:
    """How good the best is, by how much better than plain KD, and what the search cost."""
    winner = _winner(evidence)
    if (front := found_front(evidence)) is not None:
        yield from _of_front(front)
    elif winner is not None:
        yield from _of_winner(winner)
    elif (best := evidence.best) is not None and best.accuracy is not None:
        yield Fact(number=f"{100 * best.accuracy:.1f} %", words="validation, one run")
        if best.test is not None:
            yield Fact(number=f"{100 * best.test:.1f} %", words="test, one run")
    if evidence.summary is not None and (teacher := evidence.summary.get("teacher")) is not None:
        beaten = "" if better_alone(teacher, evidence.confirmed) is None else f": {ALONE} is better"
        yield Fact(number=f"{100 * teacher:.1f} %", words=f"test, the teacher{beaten}")
    every = [*evidence.trials, *evidence.confirming]
    trained = sum(len(trial.epochs) for trial in every)
    own = sum(not trial.is_baseline for trial in evidence.trials)
    yield Fact(number=f"{own}", words=f"settings tried, {len(every)} trainings")
    yield Fact(number=clock(sum(seconds_by_kind(evidence).values())), words=f"of training, {trained} epochs")


def _of_front(front: FoundFront) -> Iterator[Fact]:
    """Its ends, as far as they still are on it."""
    points = [row for row in front.rows if row["state"] != BEATEN]
    for words, row in zip(
        ("the cheapest", "the most accurate"), (points[0], points[-1]) if points else (), strict=False
    ):
        half = "" if row["low"] != row["low"] else f" \u00b1 {50 * (row['high'] - row['low']):.1f}"
        told = f"{words}, {front.aim.told(row['cost'])}, {row['state']}"
        yield Fact(number=f"{100 * row['accuracy']:.1f}{half} %", words=told)


def _of_winner(winner: Candidate) -> Iterator[Fact]:
    assert winner.validation is not None  # it is complete
    yield Fact(number=f"{_plus_minus(in_percent(winner.validation))} %", words="validation")
    if winner.test is not None:
        yield Fact(number=f"{_plus_minus(in_percent(winner.test))} %", words="test")
    lead, split = _lead(winner)
    if lead is not None:
        interval = f", {100 * lead.low:+.1f} to {100 * lead.high:+.1f}" if lead.count > 1 else ""
        sure = "sure" if lead.is_sure else "not sure"
        yield Fact(number=f"{100 * lead.mean:+.1f}", words=f"points over {PLAIN_KD} on {split}{interval}: {sure}")


def _lead(winner: Candidate) -> tuple[Difference | None, str]:
    """Its lead over plain KD, and the split that says so: the test split, where it was read."""
    if (lead := winner.test_over.get(PLAIN_KD)) is not None:
        return lead, "test"
    return winner.over.get(PLAIN_KD), "validation"


def picture(evidence: Evidence) -> str:
    """The confirmation as an SVG, or the best single runs beside the baselines; empty where there is nothing."""
    found = evidence.confirmed
    if found is not None and (rows := intervals(found)):
        return interval_plot(rows, "validation, %: mean, 95 % interval, single runs")
    runs = [trial for trial in evidence.trials if trial.outcome == "complete" and trial.accuracy is not None]
    best = [trial for trial in runs if not trial.is_baseline][:_MOST]
    shown = [trial for trial in runs if trial.is_baseline or trial in best]
    rows = [
        Row(label=trial.setting, kind="baseline" if trial.is_baseline else "trial", mean=trial.accuracy or 0.0)
        for trial in shown
    ]
    return interval_plot(rows, "validation, %: single runs") if rows else ""


def _winner(evidence: Evidence) -> Candidate | None:
    """The confirmation's, if it ended."""
    found = evidence.confirmed
    return found.winner if found is not None and evidence.state == "finished" else None


def _plus_minus(words: str) -> str:
    return words.replace("+-", "\u00b1")
