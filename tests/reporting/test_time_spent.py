"""Spans added up, as a table and as a trace: what a reader can add up by eye."""

import json
from typing import Any

import pytest
from rich.console import Console

from raykd.reporting.recorder import Recorded
from raykd.reporting.time_spent import REST, Spent, time_spent, together
from raykd.reporting.time_table import time_table
from raykd.reporting.trace import trace


def span(name: str, epoch: int, begun: float, seconds: float, depth: int = 1, device: float | None = None) -> Recorded:
    """A span that one thread works for half of the time; on a device it begins a second later."""
    begun_there = None if device is None else begun + 1
    times: dict[str, Any] = {"cpu": seconds / 2, "device_begun": begun_there, "device_seconds": device}
    return Recorded(name=name, epoch=epoch, depth=depth, begun=begun, seconds=seconds, **times)


SPANS = [
    span("start", 1, 0.0, 5.0),
    *(span("views", 1, 5.0 + second, 1.0) for second in range(2)),
    span("epoch", 1, 0.0, 10.0, depth=0),
    span("writing", 1, 10.0, 1.0, depth=0),
    span("waiting", 2, 11.0, 0.5, depth=0),
    *(span("views", 2, 12.0 + second, 1.0) for second in range(2)),
    span("teacher", 2, 14.0, 2.0),
    span("epoch", 2, 12.0, 6.0, depth=0),
    span("writing", 2, 18.0, 1.0, depth=0),
    span("waiting", 3, 19.0, 0.5, depth=0),
    *(span("views", 3, 20.0 + second, 2.0) for second in (0, 2)),
    span("teacher", 3, 24.0, 1.0),
    span("epoch", 3, 20.0, 8.0, depth=0),
    span("writing", 3, 28.0, 3.0, depth=0),
]


def test_an_epoch_is_the_mean_of_its_parts_and_what_they_leave():
    spent = time_spent(SPANS, "epoch", [2, 3])
    assert {each.name: (each.calls, each.seconds, each.cpu) for each in spent} == {
        "views": (2, 3.0, 1.5),
        "teacher": (1, 1.5, 0.75),
        REST: (1, 2.5, 1.25),  # of 7
        "writing": (1, 2.0, 1.0),
        "waiting": (1, 0.5, 0.25),
    }
    assert together(spent, "all") == Spent(name="all", calls=1.0, seconds=9.5, cpu=4.75, device=None)


def test_what_the_first_epoch_alone_has_stands_with_it():
    assert {each.name: each.seconds for each in time_spent(SPANS, "epoch", [1])} == {
        "start": 5.0,
        "views": 2.0,
        REST: 3.0,
        "writing": 1.0,
    }


def test_a_devices_time_is_added_up_beside_the_hosts():
    spans = [span("views", 1, 0.0, 1.0, device=4.0), span("epoch", 1, 0.0, 2.0, depth=0, device=6.0)]
    spent = time_spent(spans, "epoch", [1])
    assert [(each.name, each.seconds, each.device) for each in spent] == [("views", 1.0, 4.0), (REST, 1.0, 2.0)]
    assert together(spent, "all").device == 6.0


def rows(table: Any) -> dict[str, list[str]]:
    console = Console(width=200, record=True, quiet=True)
    with console.capture() as shown:
        console.quiet = False
        console.print(table)
    lines = [line.split("  ") for line in shown.get().splitlines()]
    return {name.strip(): [cell.strip() for cell in cells if cell.strip()] for name, *cells in lines}


def test_the_table_has_the_first_epoch_beside_the_others():
    first, later = (time_spent(SPANS, "epoch", numbers) for numbers in ([1], [2, 3]))
    found = rows(time_table(first, later, steps=2))
    assert found[""] == ["first epoch s", "s", "share", "calls", "ms a step", "cpu s"]
    assert found["start"] == ["5.000"]
    assert found["views"] == ["2.000", "3.000", "31.6%", "2", "1500.000", "1.500"]
    assert found["teacher"] == ["1.500", "15.8%", "1", "750.000", "0.750"]
    assert found["an epoch"] == ["11.000", "9.500", "100.0%", "1", "4750.000", "4.750"]


def test_a_single_epoch_has_no_other_beside_it_and_a_device_a_column():
    spans = [span("views", 1, 0.0, 1.0, device=4.0), span("epoch", 1, 0.0, 2.0, depth=0, device=6.0)]
    found = rows(time_table(time_spent(spans, "epoch", [1]), [], steps=1))
    assert found[""] == ["s", "share", "calls", "ms a step", "cpu s", "device s"]
    assert found["views"] == ["1.000", "50.0%", "1", "1000.000", "0.500", "4.000"]


def events(spans: list[Recorded]) -> tuple[dict[int, str], list[dict[str, Any]]]:
    """The tracks of a trace, and its spans, read back from its text."""
    read = json.loads(json.dumps(trace(spans, {"device": "cpu"})))
    assert read["otherData"] == {"device": "cpu"}
    names = [event for event in read["traceEvents"] if event["ph"] == "M" and event["name"] == "thread_name"]
    return {event["tid"]: event["args"]["name"] for event in names}, [e for e in read["traceEvents"] if e["ph"] == "X"]


def test_a_trace_has_every_span_in_the_order_of_their_beginnings():
    tracks, found = events(SPANS)
    assert list(tracks.values()) == ["host"]
    assert len(found) == len(SPANS)
    assert [event["ts"] for event in found] == sorted(event["ts"] for event in found)
    (last,) = (event for event in found if event["name"] == "writing" and event["args"]["epoch"] == 3)
    assert (last["ts"], last["dur"], last["args"]["cpu_ms"]) == pytest.approx((28e6, 3e6, 1500.0))


def test_a_devices_spans_have_a_track_of_their_own():
    tracks, found = events([span("views", 1, 0.0, 1.0, device=4.0)])
    assert [(tracks[event["tid"]], event["ts"], event["dur"]) for event in found] == [
        ("host", 0.0, 1e6),
        ("device", 1e6, 4e6),
    ]
