"""What a search found, in one line: who won, by how much, and how sure that is."""

import math
from typing import TYPE_CHECKING, Any

from raykd.evaluation.comparison import Difference, Mean
from raykd.protocols.event import METRIC
from raykd.runs.confirmed import Candidate, Confirmed
from raykd.studies.baselines import ALONE, PLAIN_KD

if TYPE_CHECKING:
    import pandas


def verdict(found: Confirmed) -> str:
    """The winner and its lead over plain KD, or that nothing is better, and what would settle it."""
    winner, finalist = found.winner, found.finalist
    if winner is None:
        return "nothing could be confirmed: no candidate ran to its end with every seed"
    if winner.is_baseline or finalist is None:
        return f"no setting is better than {winner.setting}: {_how_good(winner)}{_closest(finalist, winner)}"
    lead = winner.test_over.get(PLAIN_KD) or winner.over.get(PLAIN_KD)
    if lead is None:
        return f"winner: {winner.setting}: {_how_good(winner)}"
    if lead.is_sure and lead.mean > 0:
        return f"winner: {winner.setting}: {_how_good(winner)}, {_signed(lead.mean)} over {PLAIN_KD} {_sure(lead)}"
    compared = "not shown to be better" if lead.mean > 0 else "no better"  # a large lead with few seeds is no defeat
    words = f"{compared} than {PLAIN_KD} ({_sure(lead, with_mean=True)}): {winner.setting}, {_how_good(winner)}"
    return f"{words}{_what_would_settle(lead)}"


def unconfirmed(frame: "pandas.DataFrame", best: str | None, has_ended: bool) -> str:
    """What a search found that has no confirmation (yet), by its table.

    Args:
        frame: as of `Result`, with the test accuracy where it was read.
        best: name of the best row.
        has_ended: whether no trial is to run any more.
    """
    if best is None:
        return "no trial has run to its end" + ("" if has_ended else " yet")
    rows: list[dict[str, Any]] = frame.to_dict("records")
    (row,) = (row for row in rows if row["name"] == best)
    tested = "" if math.isnan(row["test/accuracy"]) else f", test {100 * row['test/accuracy']:.1f} %"
    words = f"{row['setting']} ({best}): validation {100 * row[METRIC]:.1f} %{tested}"
    if not has_ended:
        return f"best so far: {words}"
    return f"best of single runs: {words}; one run proves nothing, what would is --confirm 5"


def better_alone(teacher: float, found: Confirmed | None) -> Mean | None:
    """The test accuracy of students that saw no teacher, if its whole interval is above the teacher's."""
    alone = next((each for each in found.candidates if each.setting == ALONE), None) if found is not None else None
    return alone.test if alone is not None and alone.test is not None and alone.test.low > teacher else None


def teacher_in_words(accuracy: float, found: Confirmed | None) -> str:
    """How good the final teacher is on the test split, and whether one is needed that is better."""
    told = f"teacher: test accuracy {accuracy:.4f}"
    alone = better_alone(accuracy, found)
    return told if alone is None else f"{told}, below {ALONE}'s {in_percent(alone)} %: a better one is what would help"


def _how_good(candidate: Candidate) -> str:
    told = [] if candidate.validation is None else [f"validation {in_percent(candidate.validation)} %"]
    if candidate.test is not None:
        told.append(f"test {in_percent(candidate.test)} %")
    return ", ".join(told)


def in_percent(mean: Mean) -> str:
    """A mean of shares, with half its interval where it has one."""
    return f"{100 * mean.mean:.1f}" + (f" +- {100 * mean.half:.1f}" if mean.count > 1 else "")


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _sure(found: Difference, *, with_mean: bool = False) -> str:
    seeds = f"{found.count} seed{'s' if found.count > 1 else ''}"
    mean = f"{_signed(found.mean)}, " if with_mean else ""
    if found.count < 2:
        words = f"{mean}{seeds}"
    else:
        words = f"{mean}{_signed(found.low)} to {_signed(found.high)}, p {_p(found.p)}, {seeds}"
    return words if with_mean else f"({words})"


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def _closest(finalist: Candidate | None, winner: Candidate) -> str:
    if finalist is None or finalist is winner or winner.setting not in finalist.over:
        return ""
    return f"; the closest is {finalist.setting} ({_sure(finalist.over[winner.setting], with_mean=True)} on validation)"


def _what_would_settle(lead: Difference) -> str:
    if lead.count < 2:
        return "; one seed proves nothing"
    if lead.mean <= 0:
        return ""
    if lead.wanted is None:
        return "; no number of seeds would settle it, only more images"
    return f"; about {lead.wanted} seeds would settle it, if it stays what it is"
