"""Recorded spans as a trace that https://ui.perfetto.dev and chrome://tracing open (Chrome's Trace Event Format).

Each span is a complete event (`"ph": "X"`) with its beginning and length in microseconds, on the track of the host, and
on a GPU on that of the device too.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from raykd.reporting.recorder import Recorded

_HOST, _DEVICE = 1, 2
_TRACKS = {_HOST: "host", _DEVICE: "device"}


def trace(spans: Iterable[Recorded], about: Mapping[str, Any]) -> dict[str, Any]:
    """The trace, as it stands in its JSON file.

    Args:
        about: what was traced; shown as the trace's own notes.
    """
    events = sorted((event for span in spans for event in _events(span)), key=lambda event: event["ts"])
    tracks = {event["tid"] for event in events}
    names = [_name("process_name", "raykd"), *(_name("thread_name", _TRACKS[track], track) for track in sorted(tracks))]
    return {"traceEvents": [*names, *events], "displayTimeUnit": "ms", "otherData": dict(about)}


def _events(span: Recorded) -> Iterator[dict[str, Any]]:
    arguments = {"epoch": span.epoch, "cpu_ms": span.cpu * 1e3}
    yield _event(span.name, _HOST, span.begun, span.seconds, arguments)
    if span.device_begun is not None and span.device_seconds is not None:
        yield _event(span.name, _DEVICE, span.device_begun, span.device_seconds, {"epoch": span.epoch})


def _event(name: str, track: int, begun: float, seconds: float, arguments: dict[str, Any]) -> dict[str, Any]:
    times = {"ts": begun * 1e6, "dur": seconds * 1e6}
    return {"name": name, "ph": "X", "pid": os.getpid(), "tid": track, **times, "args": arguments}


def _name(kind: str, name: str, track: int = _HOST) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": os.getpid(), "tid": track, "args": {"name": name}}
