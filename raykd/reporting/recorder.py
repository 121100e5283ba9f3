"""What has been measured of a run's spans: when each began, how long it took, and how long the CPUs worked for it.

On a GPU a step is only queued while a span lasts, so that the span's own time says little. There the recorder puts an
event of CUDA's at either edge: the time between the two, as the device goes through its queue, is the span's time on
the device, gaps included in which the device waits for the host. Nothing waits for the device before `recorded`.
"""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A span that has ended. All times are in seconds, beginnings are counted from the recorder's own.

    Args:
        epoch: that the recorder was told of last, from 1; 0 before the first.
        depth: spans that were open around it.
        cpu: the processor time of all threads of the process, so that it may exceed `seconds`.
        device_begun, device_seconds: on the GPU; None on a CPU.
    """

    name: str
    epoch: int
    depth: int
    begun: float
    seconds: float
    cpu: float
    device_begun: float | None = None
    device_seconds: float | None = None


class Recorder:
    """Records spans; the recorder itself is what opens one, as `raykd.protocols.span.Span`.

    Args:
        device: that the run computes on.
    """

    def __init__(self, device: torch.device):
        self.epoch = 0
        self._device = device
        self._open: list[_Edge] = []
        self._spans: list[tuple[str, int, int, _Edge, _Edge]] = []
        self._wait()  # so that both clocks begin at one moment
        self._begun = self._edge()

    def __call__(self, name: str, /) -> "_Within":
        return _Within(self, name)

    def begin(self) -> None:
        """Opens a span, where it can't be a context: between two turns of a generator."""
        self._open.append(self._edge())

    def end(self, name: str) -> None:
        """Ends the span that was opened last, and names it."""
        ended, begun = self._edge(), self._open.pop()
        self._spans.append((name, self.epoch, len(self._open), begun, ended))

    def recorded(self) -> list[Recorded]:
        """The spans that have ended, in the order of their ends; waits for the device."""
        self._wait()
        return [self._recorded(*span) for span in self._spans]

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def _edge(self) -> "_Edge":
        event = None
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self._device))
        return _Edge(time.perf_counter_ns(), time.process_time_ns(), event)

    def _recorded(self, name: str, epoch: int, depth: int, begun: "_Edge", ended: "_Edge") -> Recorded:
        return Recorded(
            name=name,
            epoch=epoch,
            depth=depth,
            begun=(begun.wall - self._begun.wall) * 1e-9,
            seconds=(ended.wall - begun.wall) * 1e-9,
            cpu=(ended.cpu - begun.cpu) * 1e-9,
            device_begun=self._begun.device_seconds(begun),
            device_seconds=begun.device_seconds(ended),
        )


@dataclass(frozen=True, slots=True)
class _Edge:
    """A moment: nanoseconds of the steady clock and of the process's processor time, and CUDA's event."""

    wall: int
    cpu: int
    event: Any = None

    def device_seconds(self, later: "_Edge") -> float | None:
        """To a later moment, on the device."""
        if self.event is None or later.event is None:
            return None
        return self.event.elapsed_time(later.event) * 1e-3


class _Within:
    """The context of one span."""

    __slots__ = ("_name", "_recorder")

    def __init__(self, recorder: Recorder, name: str):
        self._recorder, self._name = recorder, name

    def __enter__(self) -> None:
        self._recorder.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recorder.end(self._name)
