"""What all figures have in common; texts and lines of axes get their colours from the page, which may be dark."""

from dataclasses import dataclass
from typing import Any

from plotly import graph_objects
from plotly.graph_objects import Figure

# Of a middle lightness, so that each can be told from a white and from a nearly black ground.
BEST, TRIAL, BASELINE, TEACHER, STOPPED, BAD = "#3b82d6", "#6ea3e0", "#e07b39", "#3a9d6b", "#8a8f98", "#d64550"
SCALE = [[0.0, "#8a8f98"], [0.5, "#3b82d6"], [1.0, "#f08a3c"]]  # from poor to good
GROUND = [[0.0, "rgba(59,130,214,0.04)"], [1.0, "rgba(59,130,214,0.65)"]]  # the same under a text
_MARGIN = {"l": 60, "r": 16, "t": 16, "b": 40}


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure of the page.

    Args:
        title, text: above it: what it shows, and how it is to be read.
        is_small: whether several may stand beside each other.
        least_width: in pixels; on a narrower screen it scrolls.
    """

    title: str
    figure: Figure
    text: str = ""
    is_small: bool = False
    least_width: int = 0


def figure(height: int, **layout: Any) -> Figure:
    """An empty figure, as wide as its place.

    Args:
        height: in pixels.
    """
    axis = {"automargin": True, "zeroline": False, "title": {"standoff": 8}, "exponentformat": "power"}
    given = {
        "template": graph_objects.layout.Template(layout={"xaxis": axis, "yaxis": axis}),
        "height": height,
        "margin": _MARGIN,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#7a7f88"},
        "hoverlabel": {"align": "left", "font": {"size": 12, "color": "#ffffff"}, "bgcolor": "#30343b"},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "showlegend": False,
    }
    return Figure(layout=given | layout)


def percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def is_complete(outcome: str) -> bool:
    return outcome == "complete"
