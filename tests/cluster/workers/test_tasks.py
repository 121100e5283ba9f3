"""A function on a worker: all that it tells on its way is told here in order, before its result."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from raykd.cluster.machines.resources import Resources
from raykd.cluster.workers.tasks import run_on_worker
from raykd.errors import InvalidError
from raykd.protocols.event import Doing
from raykd.signals import SearchInterrupted
from waiting import wait_until

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(120)]
TOLD = [Doing(text="first"), "second", *range(20)]


def test_what_it_tells_comes_before_its_result():
    def work(value: int, tell: Any) -> int:
        for what in TOLD:
            tell(what)
        return value + 1

    told: list[Any] = []
    assert run_on_worker(work, Resources(), told.append, 2) == 3
    assert told == TOLD


def test_what_it_told_before_it_failed_is_heard():
    def work(tell: Any) -> None:
        tell("first")
        raise InvalidError("nothing to do")

    told: list[Any] = []
    with pytest.raises(InvalidError, match=r"^nothing to do$"):
        run_on_worker(work, Resources(), told.append)
    assert told == ["first"]


def test_one_whose_worker_dies_is_tried_again(tmp_path: Path):
    def work(tell: Any) -> str:
        if not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        tell("again")
        return "done"

    told: list[Any] = []
    assert run_on_worker(work, Resources(), told.append) == "done"
    assert told == ["again"]


def test_who_waits_for_one_that_says_nothing_can_stop_waiting(tmp_path: Path):
    def work(tell: Any) -> None:
        until = time.monotonic() + 60
        while not (tmp_path / "go").exists() and time.monotonic() < until:
            time.sleep(0.05)
        (tmp_path / "ended").touch()

    def look() -> None:
        raise SearchInterrupted(tmp_path)

    with pytest.raises(SearchInterrupted):
        run_on_worker(work, Resources(), lambda what: None, look=look)
    (tmp_path / "go").touch()
    wait_until((tmp_path / "ended").exists)
