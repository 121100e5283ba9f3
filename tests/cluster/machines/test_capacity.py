"""Waiting for machines, on the cluster that all tests share: its machines are fixed. See `test_autoscaling.py`."""

import io

import pytest
from rich.console import Console

from raykd.cluster.machines import capacity
from raykd.cluster.machines.capacity import wait_for_machines
from raykd.cluster.machines.sharing import Wanted
from raykd.reporting.progress import Progress


@pytest.fixture
def progress(ray_cluster: None) -> Progress:
    return Progress(1, Console(file=io.StringIO(), width=200))


def test_a_cluster_of_fixed_machines_is_not_asked(progress: Progress):
    wait_for_machines(Wanted(slots=50), progress, lambda line: pytest.fail(line))


def test_nothing_is_asked_for_what_fits(progress: Progress, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(capacity, "starts_machines", lambda: pytest.fail("asked"))
    wait_for_machines(Wanted(slots=2), progress, lambda line: pytest.fail(line))
    wait_for_machines(Wanted(), progress, lambda line: pytest.fail(line))


def test_machines_that_never_come_end_the_search_by_one_line(progress: Progress, monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    monkeypatch.setattr(capacity, "starts_machines", lambda: True)
    for name, value in (("_WITHOUT_GPUS_S", 0.1), ("_TIMEOUT_S", 0.6), ("_LOOK_EVERY_S", 0.1)):
        monkeypatch.setattr(capacity, name, value)
    with pytest.raises(RuntimeError, match=r"no machine has joined for 0\.01 minutes: `ray status` on the head"):
        wait_for_machines(Wanted(slots=50), progress, said.append)
    assert set(said) == {"waiting for machines, 1 in the cluster so far"}
