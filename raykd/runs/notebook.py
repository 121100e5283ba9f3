"""A result as a notebook shows it: the verdict, a picture and a table, all of it HTML that needs no script."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raykd.protocols.event import METRIC
from raykd.reporting.interval_plot import Row, interval_plot
from raykd.runs.confirmed import Confirmed
from raykd.runs.shown import HEADS, cells, intervals, title

if TYPE_CHECKING:
    import pandas

_MOST = 8  # rows of single runs


def in_html(folder: Path, frame: "pandas.DataFrame", summary: Mapping[str, Any], found: Confirmed | None) -> str:
    """What was confirmed, or without that the best trials and the baselines."""
    parts = [f"<p><b>{escape(str(folder))}</b>: {escape(summary['verdict'])}</p>"]
    rows = single_runs(frame)
    if found is not None and (drawn := intervals(found)):
        parts.append(interval_plot(drawn, "validation, %: mean, 95 % interval, single runs"))
        parts.append(_table(HEADS, cells(found), title(found)))
    elif rows:
        parts.append(interval_plot(rows, "validation, %: single runs"))
        heads = ("setting", "validation")
        parts.append(_table(heads, [(row.label, f"{100 * row.mean:.1f}") for row in rows], "single runs, in percent"))
    return "\n".join(parts)


def single_runs(frame: "pandas.DataFrame") -> list[Row]:
    """The best trials that ran to their ends, and all baselines, from the table of a result."""
    complete: Any = frame[frame["outcome"] == "complete"]  # pandas' own types do not know what a comparison gives
    shown: list[dict[str, Any]] = complete.to_dict("records")
    best = [row["name"] for row in shown if not row["baseline"]][:_MOST]
    return [
        Row(label=row["setting"], kind="baseline" if row["baseline"] else "trial", mean=row[METRIC])
        for row in shown
        if row["baseline"] or row["name"] in best
    ]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    head = "".join(f"<th>{escape(word)}</th>" for word in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(words: str) -> str:
    return f'<td style="white-space:nowrap">{escape(words)}</td>'
