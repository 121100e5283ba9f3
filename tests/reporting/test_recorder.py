"""The recorder by clocks that stand still until they are told to go on; CUDA's events by stand-ins."""

import time
from dataclasses import dataclass

import pytest
import torch

from raykd.protocols.span import no_span, within
from raykd.reporting.recorder import Recorder

CPU = torch.device("cpu")


@dataclass
class Clocks:
    """The steady clock and the process's processor time, in nanoseconds."""

    wall: int = 5_000_000_000
    cpu: int = 7_000_000_000

    def go_on(self, wall_s: float, cpu_s: float = 0.0) -> None:
        self.wall += round(wall_s * 1e9)
        self.cpu += round(cpu_s * 1e9)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(time, "perf_counter_ns", lambda: clocks.wall)
    monkeypatch.setattr(time, "process_time_ns", lambda: clocks.cpu)
    return clocks


def test_a_span_has_its_times_its_epoch_and_its_depth(clocks: Clocks):
    recorder = Recorder(CPU)
    clocks.go_on(1.0)
    with recorder("outer"):
        clocks.go_on(0.25, 0.5)
        recorder.epoch = 3
        with recorder("inner"):
            clocks.go_on(0.5, 1.0)
    inner, outer = recorder.recorded()  # in the order of their ends
    assert (inner.name, inner.epoch, inner.depth) == ("inner", 3, 1)
    assert (inner.begun, inner.seconds, inner.cpu) == pytest.approx((1.25, 0.5, 1.0))
    assert (outer.name, outer.epoch, outer.depth) == ("outer", 3, 0)
    assert (outer.begun, outer.seconds, outer.cpu) == pytest.approx((1.0, 0.75, 1.5))
    assert inner.device_begun is inner.device_seconds is None


def test_a_span_ends_where_an_error_leaves_it(clocks: Clocks):
    recorder = Recorder(CPU)
    with pytest.raises(ValueError, match="no number"), recorder("outer"), recorder("inner"):
        raise ValueError("no number")
    with recorder("next"):
        pass
    assert [(span.name, span.depth) for span in recorder.recorded()] == [("inner", 1), ("outer", 0), ("next", 0)]


def test_each_item_is_made_within_a_span(clocks: Clocks):
    def items():
        for number in range(2):
            clocks.go_on(1.0)
            yield number

    recorder = Recorder(CPU)
    for _ in within(items(), recorder, "items"):
        clocks.go_on(10.0)  # what is done with an item is none of the span's
    assert [span.seconds for span in recorder.recorded()] == pytest.approx([1.0, 1.0, 0.0])
    assert list(within(items(), no_span, "items")) == [0, 1]


class Event:
    """A stand-in for an event on a device that runs a second behind the host; `waits` counts what waits for it."""

    clocks: Clocks
    waits: int = 0

    def __init__(self, enable_timing: bool = False):
        assert enable_timing
        self.at = float("nan")  # milliseconds

    def record(self, stream: str) -> None:
        assert stream == "the stream of cuda:1"
        self.at = Event.clocks.wall * 1e-6 + 1000

    def elapsed_time(self, end_event: "Event") -> float:
        return end_event.at - self.at


def test_on_a_gpu_a_span_has_its_time_there_and_waits_for_nothing(clocks: Clocks, monkeypatch: pytest.MonkeyPatch):
    def wait(device: torch.device) -> None:
        Event.waits += 1

    monkeypatch.setattr(Event, "clocks", clocks, raising=False)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", wait)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"the stream of {device}")
    recorder = Recorder(torch.device("cuda:1"))
    assert Event.waits == 1
    for seconds in (0.5, 0.25):
        with recorder("step"):
            clocks.go_on(seconds)
    assert Event.waits == 1
    spans = recorder.recorded()
    assert [span.device_seconds for span in spans] == pytest.approx([0.5, 0.25])
    assert [span.device_begun for span in spans] == pytest.approx([0.0, 0.5])
    assert Event.waits == 2
