"""How a confirmation is shown wherever it is: on a terminal, in a notebook, on the page."""

from raykd.evaluation.comparison import Mean
from raykd.reporting.interval_plot import Row
from raykd.runs.confirmed import COMPLETE, Candidate, Confirmed
from raykd.runs.verdict import in_percent
from raykd.studies.baselines import ALONE, PLAIN_KD

HEADS = ("setting", "validation", f"over {PLAIN_KD}", f"over {ALONE}", "test")


def title(found: Confirmed) -> str:
    return f"confirmed with {found.seeds} fresh seeds, in percent"


def cells(found: Confirmed) -> list[tuple[str, ...]]:
    """A row for each finalist and baseline, the best first, with what `HEADS` names.

    Means and 95 % intervals in percent, and on the validation split the differences to both baselines.
    """
    return [
        (
            _name(candidate),
            _share(candidate.validation),
            *(_lead(candidate, word) for word in (PLAIN_KD, ALONE)),
            _share(candidate.test),
        )
        for candidate in found.candidates
    ]


def intervals(found: Confirmed) -> list[Row]:
    """The same as a picture: means, intervals and single runs on the validation split."""
    runs = found.frame.dropna(subset=["validation"])
    return [
        Row(
            label=candidate.setting,
            kind="baseline" if candidate.is_baseline else "trial",
            mean=candidate.validation.mean,
            low=candidate.validation.low,
            high=candidate.validation.high,
            values=tuple(runs[runs["candidate"] == candidate.name]["validation"]),
        )
        for candidate in found.candidates
        if candidate.validation is not None
    ]


def _name(candidate: Candidate) -> str:
    if candidate.state == COMPLETE:
        return candidate.setting
    seeds = candidate.validation.count if candidate.validation else 0
    return f"{candidate.setting} ({candidate.state}, {seeds} seeds)"


def _share(mean: Mean | None) -> str:
    return "" if mean is None else in_percent(mean)


def _lead(candidate: Candidate, word: str) -> str:
    found = candidate.over.get(word)
    if found is None:
        return ""
    interval = f" ({100 * found.low:+.1f} to {100 * found.high:+.1f})" if found.count > 1 else ""
    return f"{100 * found.mean:+.1f}{interval}"
