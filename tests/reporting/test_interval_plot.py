"""Means and intervals as an SVG: where the marks lie can be checked by eye."""

import math
import re
from xml.etree import ElementTree

import pytest

from raykd.reporting.interval_plot import Row, interval_plot


def marks(svg: str) -> list[float]:
    """Where the large dots lie, from the left."""
    return [float(x) for x in re.findall(r'<circle cx="([\d.]+)%" cy="[\d.]+" r="5.5"', svg)]


def test_a_row_lies_where_its_mean_does():
    rows = [Row(label=str(mean), kind="trial", mean=mean, low=0.9, high=1.0) for mean in (0.9, 0.95, 1.0)]
    left, middle, right = marks(interval_plot(rows, "%"))
    assert left < middle < right
    assert middle == pytest.approx((left + right) / 2, abs=0.1)


def test_ticks_are_round_and_hold_everything():
    svg = interval_plot([Row(label="a", kind="trial", mean=0.933, low=0.921, high=0.951)], "accuracy, %")
    ticks = [float(word) for word in re.findall(r">([\d.]+)</text>", svg)]
    assert ticks == [92.0, 92.5, 93.0, 93.5, 94.0, 94.5, 95.0, 95.5]


@pytest.mark.parametrize("mean", [0.0, 0.5, 1.0])
def test_a_single_run_has_a_dot_and_no_line(mean: float):
    root = ElementTree.fromstring(interval_plot([Row(label="a", kind="baseline", mean=mean)], "%"))
    assert len([part for part in root.iter() if part.tag.endswith("circle")]) == 1
    assert all("e07b39" not in part.get("stroke", "") for part in root.iter())


def test_an_interval_wider_than_all_there_is_ends_with_the_axis():
    svg = interval_plot([Row(label="a", kind="trial", mean=0.4, low=-1.5, high=2.3)], "%")
    assert [float(word) for word in re.findall(r">([\d.]+)</text>", svg)] == [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    (line,) = [part for part in ElementTree.fromstring(svg).iter() if part.get("stroke-width")]
    assert (line.get("x1"), line.get("x2")) == ("3.00%", "97.00%")


def test_labels_are_text_and_no_markup():
    svg = interval_plot([Row(label="<script>&", kind="trial", mean=0.5, values=(0.4, 0.6))], "a < b")
    root = ElementTree.fromstring(svg)
    assert "<script>&" in [part.text for part in root.iter()]
    assert not [part for part in root.iter() if part.tag.endswith("script")]
    assert math.isfinite(marks(svg)[0])
