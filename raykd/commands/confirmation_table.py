"""The confirmation of a search as a table: a row for each finalist and baseline."""

from rich.table import Table

from raykd.evaluation.comparison import Mean
from raykd.runs.confirmed import COMPLETE, Candidate, Confirmed
from raykd.runs.verdict import in_percent
from raykd.studies.baselines import ALONE, PLAIN_KD


def confirmation_table(found: Confirmed) -> Table:
    """Means and 95 % intervals in percent, and on the validation split the differences to both baselines."""
    table = Table(
        "setting",
        "validation",
        f"over {PLAIN_KD}",
        f"over {ALONE}",
        "test",
        title=f"confirmed with {found.seeds} fresh seeds, in percent",
    )
    for candidate in found.candidates:
        differences = (_lead(candidate, word) for word in (PLAIN_KD, ALONE))
        table.add_row(_name(candidate), _share(candidate.validation), *differences, _share(candidate.test))
    return table


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
