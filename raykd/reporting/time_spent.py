"""Recorded spans added up: what an epoch's time is spent on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from raykd.reporting.recorder import Recorded

REST = "the rest"


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What an epoch spends on something, as a mean over epochs.

    Args:
        calls: spans of the name.
        seconds: of wall time.
        cpu: seconds of processor time, of all threads together.
        device: seconds on the GPU; None on a CPU.
    """

    name: str
    calls: float
    seconds: float
    cpu: float
    device: float | None


def time_spent(spans: Sequence[Recorded], around: str, epochs: Collection[int]) -> list[Spent]:
    """What an epoch is spent on, span by span, in the order in which they first end in any epoch.

    Args:
        spans: as a recorder gives them.
        around: the outer span that all inner ones stand within; it is given as these, and as what they leave of it,
            `the rest`.
        epochs: the numbers of those that the means are over.
    """
    named: dict[str, list[Recorded]] = {span.name: [] for span in spans}
    for span in spans:
        if span.epoch in epochs:
            named[span.name].append(span)
    sums = {name: _sum(name, found, len(epochs)) for name, found in named.items() if found}
    inner = [spent for name, spent in sums.items() if named[name][0].depth > 0]
    return [_rest(spent, inner) if name == around else spent for name, spent in sums.items()]


def together(spent: Sequence[Spent], name: str) -> Spent:
    """All of it in one line."""
    devices = [each.device for each in spent if each.device is not None]
    return Spent(
        name=name,
        calls=1.0,
        seconds=sum(each.seconds for each in spent),
        cpu=sum(each.cpu for each in spent),
        device=sum(devices) if devices else None,
    )


def _sum(name: str, spans: Sequence[Recorded], epochs: int) -> Spent:
    devices = [span.device_seconds for span in spans if span.device_seconds is not None]
    return Spent(
        name=name,
        calls=len(spans) / epochs,
        seconds=sum(span.seconds for span in spans) / epochs,
        cpu=sum(span.cpu for span in spans) / epochs,
        device=sum(devices) / epochs if devices else None,
    )


def _rest(around: Spent, inner: Sequence[Spent]) -> Spent:
    known = together(inner, REST)
    device = None if around.device is None or known.device is None else around.device - known.device
    seconds, cpu = around.seconds - known.seconds, around.cpu - known.cpu
    return Spent(name=REST, calls=around.calls, seconds=seconds, cpu=cpu, device=device)
