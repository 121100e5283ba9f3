"""Waiting for machines, on the cluster that all tests share: its machines are fixed. See `test_autoscaling.py`."""

from pathlib import Path

import pytest

from raykd.cluster.machines import capacity
from raykd.cluster.machines.capacity import wait_for_machines
from raykd.cluster.machines.sharing import Wanted
from raykd.protocols.event import Doing, Event, Said
from raykd.runs.status import ask_to_stop, stop_if_asked
from raykd.signals import SearchInterrupted

pytestmark = pytest.mark.usefixtures("ray_cluster")
WAITING = Doing(text="waiting for machines, 1 in the cluster so far")


def go_on() -> None:
    """Nobody asks the search to stop."""


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def an_autoscaler_that_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "starts_machines", lambda: True)
    for name, value in (("_WITHOUT_GPUS_S", 0.1), ("_TIMEOUT_S", 0.6), ("_LOOK_EVERY_S", 0.1)):
        monkeypatch.setattr(capacity, name, value)


def test_a_cluster_of_fixed_machines_is_not_asked(told: list[Event]):
    wait_for_machines(Wanted(slots=50), told.append, go_on)
    assert told == []


def test_nothing_is_asked_for_what_fits(told: list[Event], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(capacity, "starts_machines", lambda: pytest.fail("asked"))
    wait_for_machines(Wanted(slots=2), told.append, go_on)
    wait_for_machines(Wanted(), told.append, go_on)
    assert told == []


@pytest.mark.usefixtures("an_autoscaler_that_starts_nothing")
def test_machines_that_never_come_end_the_search_by_one_line(told: list[Event]):
    with pytest.raises(RuntimeError, match=r"no machine has joined for 0\.01 minutes: `ray status` on the head"):
        wait_for_machines(Wanted(slots=50), told.append, go_on)
    assert told[0] == Said(text="asks the autoscaler for room for 50 worker(s)")
    assert told[1:] == [WAITING] * len(told[1:])


@pytest.mark.usefixtures("an_autoscaler_that_starts_nothing")
def test_a_search_that_is_asked_to_stop_waits_for_no_machines(told: list[Event], tmp_path: Path):
    def look() -> None:
        stop_if_asked(tmp_path)
        ask_to_stop(tmp_path)

    with pytest.raises(SearchInterrupted) as stopped:
        wait_for_machines(Wanted(slots=50), told.append, look)
    assert stopped.value.folder == tmp_path
    assert told[1:] == [WAITING] * 2
