"""Means with their intervals as a small picture, an SVG: for a page before any script runs, and for a notebook.

It is drawn here in a few lines because a notebook keeps what a cell shows: Plotly would put its 5 MB into each.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_ROW, _FOOT = 42.0, 40.0  # pixels
_LEFT, _RIGHT = 3.0, 97.0  # percent of the width, which is the page's: texts keep their size on a phone
_COLOURS = {"trial": "#3b82d6", "baseline": "#e07b39", "teacher": "#3a9d6b"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the picture.

    Args:
        kind: trial, baseline or teacher, which its colour says.
        mean, low, high: shares, 0 to 1; low and high are NaN where there is no interval.
        values: of single runs, drawn as faint dots.
    """

    label: str
    kind: str
    mean: float
    low: float = math.nan
    high: float = math.nan
    values: tuple[float, ...] = ()


def interval_plot(rows: Sequence[Row], axis: str) -> str:
    """An SVG of all rows over one axis in percent, which begins where the rows do and not at 0.

    Args:
        axis: what the numbers are, such as `validation accuracy, %`.
    """
    shown = [value for row in rows for value in (row.mean, row.low, row.high, *row.values) if math.isfinite(value)]
    low, high, step = _axis(100 * max(0.0, min(shown)), 100 * min(1.0, max(shown)))
    bottom = _ROW * len(rows) + 6

    def across(share: float) -> float:
        share = min(1.0, max(0.0, share))  # of two seeds an interval is often wider than all that there is
        return _LEFT + (100 * share - low) / (high - low) * (_RIGHT - _LEFT)

    lines = [
        f'<svg width="100%" height="{bottom + _FOOT:g}" role="img" style="max-width:640px;'
        'font:13px system-ui,sans-serif" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(axis)}</title>",
    ]
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        x = across(value / 100)
        lines.append(_line(x, x, 0.0, bottom, "currentColor", 'stroke-opacity=".15"'))
        lines.append(_text(x, bottom + 16, f"{value:g}", "middle"))
    lines.append(_text(50.0, bottom + 34, axis, "middle"))
    for number, row in enumerate(rows):
        lines += _drawn(row, _ROW * number, across)
    return "\n".join([*lines, "</svg>"])


def _drawn(row: Row, top: float, across: Callable[[float], float]) -> list[str]:
    """A row's words, and its marks below them."""
    colour, y = _COLOURS[row.kind], top + 30
    told = f"{row.label}: {100 * row.mean:.1f}"
    if math.isfinite(row.low):
        told += f" ({100 * row.low:.1f} to {100 * row.high:.1f})"
    lines = [f"<g><title>{escape(told)}</title>", _text(0.0, top + 15, row.label, "start")]
    if math.isfinite(row.low):
        lines.append(_line(across(row.low), across(row.high), y, y, colour, 'stroke-width="2"'))
    for value in row.values:
        lines.append(f'<circle cx="{across(value):.2f}%" cy="{y:g}" r="3" fill="{colour}" fill-opacity=".55"/>')
    lines.append(f'<circle cx="{across(row.mean):.2f}%" cy="{y:g}" r="5.5" fill="{colour}"/></g>')
    return lines


def _line(left: float, right: float, top: float, bottom: float, colour: str, more: str) -> str:
    return f'<line x1="{left:.2f}%" x2="{right:.2f}%" y1="{top:g}" y2="{bottom:g}" stroke="{colour}" {more}/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.2f}%" y="{y:g}" text-anchor="{anchor}" fill="currentColor">{escape(words)}</text>'


def _axis(low: float, high: float) -> tuple[float, float, float]:
    """A first and a last tick around both, and the step between ticks: at most eight of them."""
    spread = max(high - low, 0.5)
    step = next(step for step in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0) if spread / step <= 6)
    first = math.floor(low / step) * step
    return first, max(first + step, math.ceil(high / step) * step), step
